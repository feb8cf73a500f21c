#include <algorithm>

#include <fmt/format.h>

#include "graph/model_index.h"
#include "onnx_io/write.h"
#include "pipeline/keep_faster.h"
#include "pipeline/kernel_proof.h"
#include "pipeline/leave_float.h"
#include "pipeline/observed_values.h"
#include "pipeline/plan_of_ranges.h"
#include "pipeline/sized_graph.h"
#include "pipeline/weight_summary.h"
#include "plan/model_plan.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"
#include "transform/insert_qdq.h"

namespace ptq {
namespace {

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

// The plan, without the products that measurements speak against, whose first outputs are added to
// `left_in_float`.
QuantPlan measured_plan(const Model& model, const QuantizeRequest& request,
                        const std::map<std::string, ChosenRange>& ranges,
                        std::vector<std::string>& left_in_float) {
  QuantPlan plan = plan_of_ranges(model, request, request.keep_float, ranges);
  std::vector<std::string> keep_float = request.keep_float;
  LeftInFloat left = leave_float(model, ranges, plan, request);
  std::vector<std::string> findings;
  if (!left.finding.empty()) {
    findings.push_back(left.finding);
  }
  if (!left.names.empty()) {
    keep_float.insert(keep_float.end(), left.names.begin(), left.names.end());
    plan = plan_of_ranges(model, request, keep_float, ranges);
  }
  if (request.keep_faster && any_integer(all_decisions(plan))) {
    const auto replan = [&](const std::vector<std::string>& names) {
      std::vector<std::string> all = keep_float;
      all.insert(all.end(), names.begin(), names.end());
      return plan_of_ranges(model, request, all, ranges);
    };
    const FasterInFloat faster = keep_faster(model, plan, replan, request);
    if (!faster.names.empty()) {
      plan = replan(faster.names);
    }
    plan.slower_than_fp32 = faster.slower_than_fp32;
    left.reasons.insert(faster.reasons.begin(), faster.reasons.end());
    findings.insert(findings.end(), faster.findings.begin(), faster.findings.end());
  }
  for (const auto& [name, reason] : left.reasons) {
    left_in_float.push_back(name);
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

bool any_integer(const std::vector<Decision>& decisions) {
  return std::ranges::any_of(decisions, &Decision::integer);
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
  out.diagnoses = diagnose_values(
      wanted_stats(graph, measured_values(graph, structures, stats), stats, request), request);
  const std::map<std::string, ChosenRange> ranges = chosen_ranges(out.diagnoses, stats, request);
  out.plan = measured_plan(model.model, request, ranges, out.left_in_float);
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
