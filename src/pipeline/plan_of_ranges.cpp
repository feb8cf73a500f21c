#include "pipeline/plan_of_ranges.h"

#include "pipeline/observed_values.h"
#include "pipeline/weight_summary.h"
#include "plan/model_plan.h"

namespace ptq {
namespace {

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
  plan.granularity = WeightGranularity::kTensor;
  plan.findings.push_back(
      "the opset could not be raised to 13: weights have one scale a tensor instead of one a "
      "channel");
}

}  // namespace

QuantPlan plan_of_ranges(const Model& model, const QuantizeRequest& request,
                         const std::vector<std::string>& keep_float,
                         const std::map<std::string, ChosenRange>& ranges) {
  const Target& target = target_of(request);
  const WeightCoding coding = {request.weight_form.value_or(target.weight_form),
                               request.granularity};
  QuantPlan plan = plan_known_ranges(model.graph, keep_float, ranges, target, coding);
  if (model.opset() < 13) {
    keep_old_opset(plan);
  }
  return plan;
}

std::map<std::string, ChosenRange> chosen_ranges(const std::vector<TensorDiagnosis>& diagnoses,
                                                 const ActivationStats& stats,
                                                 const QuantizeRequest& request) {
  std::map<std::string, ChosenRange> ranges;
  for (const TensorDiagnosis& diagnosis : diagnoses) {
    const bool keep_mean = request.methods.has(Method::kMeanRounding);
    ranges[diagnosis.name] = {diagnosis.range, diagnosis.estimator, diagnosis.reason,
                              keep_mean ? mean_ratio(stats.tensors.at(diagnosis.name)) : 0.0};
  }
  return ranges;
}

}  // namespace ptq
