#include "pipeline/observed_values.h"

#include <set>

#include <fmt/format.h>

#include "graph/model_index.h"
#include "plan/inherit_ranges.h"
#include "plan/model_plan.h"
#include "ptq/error.h"

namespace ptq {

const Target& target_of(const QuantizeRequest& request) {
  return request.target != nullptr ? *request.target : targets().front();
}

void check_keep_float(const Graph& main, const std::vector<std::string>& keep_float) {
  std::set<std::string_view> names;
  const ModelIndex index(main);
  for (size_t k = 0; k < index.size(); ++k) {
    for (const Node& node : index[k].graph().nodes) {
      names.insert(node.name);
      names.insert(node.outputs.begin(), node.outputs.end());
    }
  }
  for (const std::string& name : keep_float) {
    if (!names.contains(name)) {
      throw Error(
          ErrorCode::kUsage,
          fmt::format("--keep-float {}: no node has this name or first output after "
                      "preparation; the decisions in `ptq quantize --json-out` list the nodes",
                      printable(name)));
    }
  }
}

WantedStats wanted_stats(const Graph& main, const std::vector<std::string>& values,
                         const ActivationStats& stats, const QuantizeRequest& request) {
  WantedStats wanted;
  const ModelIndex index(main);
  std::string missing;
  for (const std::string& value : values) {
    const auto found = stats.tensors.find(value);
    if (found == stats.tensors.end()) {
      missing += (missing.empty() ? "" : ", ") + printable(value, 60);
    } else {
      const size_t graph = index.find_graph(value);
      // 16-bit codes are fine enough for what is left beyond the bounds.
      const bool fine = bit_width(target_of(request).activation.dtype) > 8;
      const UsefulInterval useful = graph == ModelIndex::npos || fine
                                        ? UsefulInterval{}
                                        : useful_interval(index[graph], value);
      wanted.stats.tensors[value] = clamped(found->second, useful.lo, useful.hi);
      if (found->second.min < useful.lo || found->second.max > useful.hi) {
        wanted.bounded[value] = useful;
      }
    }
  }
  if (!missing.empty()) {
    throw Error(ErrorCode::kInput,
                fmt::format("the statistics lack tensors that this plan needs: {}; run `ptq "
                            "calibrate --target {}` again",
                            printable(missing, 400), target_of(request).name));
  }
  return wanted;
}

std::vector<TensorDiagnosis> diagnose_values(const WantedStats& wanted,
                                             const QuantizeRequest& request) {
  const QuantScheme scheme = target_of(request).activation;
  std::vector<TensorDiagnosis> diagnoses = diagnose(
      wanted.stats, [&](const std::string& /*name*/) { return scheme; }, request.policy,
      request.threads);
  for (TensorDiagnosis& diagnosis : diagnoses) {
    const auto useful = wanted.bounded.find(diagnosis.name);
    if (useful != wanted.bounded.end()) {
      diagnosis.reason +=
          fmt::format("; values outside [{:.4g}, {:.4g}] make no difference behind it",
                      useful->second.lo, useful->second.hi);
    }
  }
  return diagnoses;
}

std::vector<Structure> observed_structure(const Graph& graph, const ActivationStats& stats,
                                          const QuantizeRequest& request) {
  std::set<std::string> unobserved;
  for (const auto& [name, tensor] : stats.tensors) {
    if (tensor.count == 0) {
      unobserved.insert(name);
    }
  }
  const bool complete = unobserved.empty();
  for (;;) {
    std::vector<Structure> structures =
        analyze_model(graph, request.keep_float, target_of(request), unobserved);
    const size_t known = unobserved.size();
    for (const std::string& value : values_to_observe(structures)) {
      if (!complete && !stats.tensors.contains(value)) {
        unobserved.insert(value);
      }
    }
    if (unobserved.size() == known) {
      return structures;
    }
  }
}

std::vector<std::string> measured_values(const Graph& graph,
                                         const std::vector<Structure>& structures,
                                         const ActivationStats& stats) {
  std::map<std::string, ChosenRange> known;
  for (const auto& [name, tensor] : stats.tensors) {
    known[name] = {};
  }
  std::vector<std::string> values = values_to_observe(structures);
  inherit_ranges(ModelIndex(graph), values, known);
  std::erase_if(values, [&](const std::string& value) {
    return !stats.tensors.contains(value) && known.contains(value);
  });
  return values;
}

std::vector<Decision> plan_coverage(const LoadedModel& model, const Target& target,
                                    const std::vector<std::string>& keep_float) {
  check_keep_float(model.model.graph, keep_float);
  return planned_decisions(model.model.graph, analyze_model(model.model.graph, keep_float, target));
}

std::vector<TensorDiagnosis> diagnose_model(const LoadedModel& model, const ActivationStats& stats,
                                            const QuantizeRequest& request) {
  check_stats_belong(stats, model);
  const Graph& graph = model.model.graph;
  return diagnose_values(
      wanted_stats(graph, values_to_observe(observed_structure(graph, stats, request)), stats,
                   request),
      request);
}

}  // namespace ptq
