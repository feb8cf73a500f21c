#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/log.h"
#include "graph/model_index.h"
#include "onnx_io/write.h"
#include "pipeline/keep_faster.h"
#include "pipeline/kernel_proof.h"
#include "pipeline/leave_float.h"
#include "pipeline/sized_graph.h"
#include "pipeline/weight_summary.h"
#include "plan/inherit_ranges.h"
#include "plan/model_plan.h"
#include "plan/useful_interval.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"
#include "transform/insert_qdq.h"

namespace ptq {
namespace {

const Target& target_of(const QuantizeRequest& request) {
  return request.target != nullptr ? *request.target : targets().front();
}

// A selector that matches nothing is a typing error, not a wish.
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

std::vector<TensorDiagnosis> diagnose_values(const Graph& main,
                                             const std::vector<std::string>& values,
                                             const ActivationStats& stats,
                                             const QuantizeRequest& request) {
  ActivationStats wanted;
  std::map<std::string, UsefulInterval> bounded;
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
      wanted.tensors[value] = clamped(found->second, useful.lo, useful.hi);
      if (found->second.min < useful.lo || found->second.max > useful.hi) {
        bounded[value] = useful;
      }
    }
  }
  if (!missing.empty()) {
    throw Error(ErrorCode::kInput,
                fmt::format("the statistics lack tensors that this plan needs: {}; run `ptq "
                            "calibrate --target {}` again",
                            printable(missing, 400), target_of(request).name));
  }
  const QuantScheme scheme = target_of(request).activation;
  std::vector<TensorDiagnosis> diagnoses = diagnose(
      wanted, [&](const std::string& /*name*/) { return scheme; }, request.policy, request.threads);
  for (TensorDiagnosis& diagnosis : diagnoses) {
    const auto useful = bounded.find(diagnosis.name);
    if (useful != bounded.end()) {
      diagnosis.reason +=
          fmt::format("; values outside [{:.4g}, {:.4g}] make no difference behind it",
                      useful->second.lo, useful->second.hi);
    }
  }
  return diagnoses;
}

// The structure that the statistics allow. What calibration was asked for and never saw (a branch
// that no sample takes) leaves the nodes around it in float, and these may want other values, which
// were not asked for then.
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

// The values that a plan observes, but for those that hand on the values of one that was measured.
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

// Per-axis parameters exist from opset 13 on; an older model gets one scale a weight.
void drop_axes(QuantPlan& plan) {
  for (PlannedConstant& constant : plan.constants) {
    constant.axis = -1;
    constant.bias.clear();
  }
  for (QuantPlan& inner : plan.inner) {
    drop_axes(inner);
  }
}

void keep_old_opset(QuantPlan& plan) {
  drop_axes(plan);
  plan.findings.push_back(
      "the opset could not be raised to 13: weights have one scale a tensor instead of one a "
      "channel");
}

QuantPlan plan_model(const Model& model, const QuantizeRequest& request,
                     const std::vector<std::string>& keep_float,
                     const std::map<std::string, ChosenRange>& ranges) {
  const Target& target = target_of(request);
  QuantPlan plan = plan_known_ranges(model.graph, keep_float, ranges, target,
                                     request.weight_form.value_or(target.weight_form));
  if (model.opset() < 13) {
    keep_old_opset(plan);
  }
  return plan;
}

void explain_float(const Graph& graph, const std::map<std::string, std::string>& reasons,
                   QuantPlan& plan) {
  const ModelIndex index(graph);
  for (size_t k = 0; k < index.size(); ++k) {
    for (Decision& decision : (k == 0 ? plan : plan.inner.at(k - 1)).decisions) {
      const Node& node = index[k].graph().nodes[decision.node];
      const auto reason = node.outputs.empty() ? reasons.end() : reasons.find(node.outputs[0]);
      if (reason != reasons.end()) {
        decision.reason = reason->second;
      }
    }
  }
}

// The plan, without the products that measurements speak against.
QuantPlan measured_plan(const Model& model, const QuantizeRequest& request,
                        const std::map<std::string, ChosenRange>& ranges) {
  QuantPlan plan = plan_model(model, request, request.keep_float, ranges);
  std::vector<std::string> keep_float = request.keep_float;
  LeftInFloat left = leave_float(model, ranges, plan, request);
  std::vector<std::string> findings;
  if (!left.finding.empty()) {
    findings.push_back(left.finding);
  }
  if (!left.names.empty()) {
    keep_float.insert(keep_float.end(), left.names.begin(), left.names.end());
    plan = plan_model(model, request, keep_float, ranges);
  }
  if (request.keep_faster && any_integer(all_decisions(plan))) {
    const auto replan = [&](const std::vector<std::string>& names) {
      std::vector<std::string> all = keep_float;
      all.insert(all.end(), names.begin(), names.end());
      return plan_model(model, request, all, ranges);
    };
    const FasterInFloat faster = keep_faster(model, plan, replan, request);
    if (!faster.names.empty()) {
      plan = replan(faster.names);
    }
    plan.slower_than_fp32 = faster.slower_than_fp32;
    left.reasons.insert(faster.reasons.begin(), faster.reasons.end());
    findings.insert(findings.end(), faster.findings.begin(), faster.findings.end());
  }
  explain_float(model.graph, left.reasons, plan);
  std::ranges::move(findings, std::back_inserter(plan.findings));
  return plan;
}

}  // namespace

void check_request(const QuantizeRequest& request) {
  if (!request.keep_faster) {
    return;
  }
  if (target_of(request).engine != Engine::kOnnxRuntime) {
    throw Error(ErrorCode::kUsage,
                fmt::format("--keep-faster times the kernels of ONNX Runtime, but target {} is "
                            "executed by {}; leave it out, or take an ort target",
                            target_of(request).name, engine_name(target_of(request).engine)));
  }
  if (request.samples.data.empty()) {
    throw Error(ErrorCode::kUsage,
                "--keep-faster times runs on samples, found none; add --data SAMPLES (beside "
                "--stats, where these are given)");
  }
}

std::vector<Decision> plan_coverage(const LoadedModel& model, const Target& target,
                                    const std::vector<std::string>& keep_float) {
  check_keep_float(model.model.graph, keep_float);
  return planned_decisions(model.model.graph, analyze_model(model.model.graph, keep_float, target));
}

bool any_integer(const std::vector<Decision>& decisions) {
  return std::ranges::any_of(decisions, &Decision::integer);
}

std::vector<TensorDiagnosis> diagnose_model(const LoadedModel& model, const ActivationStats& stats,
                                            const QuantizeRequest& request) {
  check_stats_belong(stats, model);
  return diagnose_values(model.model.graph,
                         values_to_observe(observed_structure(model.model.graph, stats, request)),
                         stats, request);
}

Quantized quantize_model(const LoadedModel& model, const ActivationStats& stats,
                         const QuantizeRequest& request) {
  check_request(request);
  check_stats_belong(stats, model);
  const Graph& graph = model.model.graph;
  check_keep_float(graph, request.keep_float);
  const std::vector<Structure> structures = observed_structure(graph, stats, request);
  Quantized out;
  if (values_to_observe(structures).empty()) {
    out.plan.decisions = planned_decisions(graph, structures);
    return out;
  }
  out.diagnoses = diagnose_values(graph, measured_values(graph, structures, stats), stats, request);
  std::map<std::string, ChosenRange> ranges;
  for (const TensorDiagnosis& diagnosis : out.diagnoses) {
    ranges[diagnosis.name] = {diagnosis.range, diagnosis.estimator, diagnosis.reason,
                              mean_ratio(stats.tensors.at(diagnosis.name))};
  }
  out.plan = measured_plan(model.model, request, ranges);
  InsertResult inserted = insert_qdq(model.model, out.plan);
  out.weights = summarize_weights(graph, out.plan, inserted.weights, stats);
  if (std::string finding = saturation_finding(out.weights); !finding.empty()) {
    out.plan.findings.push_back(std::move(finding));
  }
  out.model = std::move(inserted.model);
  // Declarations of inner values are hints; those of the FP32 graph no longer fit everywhere.
  for (Graph* const each : all_graphs(out.model.graph)) {
    each->value_infos.clear();
  }
  out.size_bytes = serialize_model(out.model).size();
  out.original_size_bytes = model.size_bytes;
  out.runtime = check_runtime(graph, out.plan, out.model, sized_graph(model.model, request.sample));
  if (target_of(request).engine == Engine::kOnnxRuntime) {
    std::ranges::move(kernel_findings(out.runtime), std::back_inserter(out.plan.findings));
  }
  return out;
}

}  // namespace ptq
