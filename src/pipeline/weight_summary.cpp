#include "pipeline/weight_summary.h"

#include <algorithm>

#include <fmt/format.h>

#include "diagnose/pair_forecast.h"
#include "graph/model_index.h"
#include "plan/reduction_order.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// Whose statistics hold the codes of `value`: pass-through operators hand them on.
const PlannedActivation* planned_activation(const QuantPlan& plan, std::string_view value) {
  const auto found = std::ranges::find(plan.activations, value, &PlannedActivation::value);
  return found == plan.activations.end() ? nullptr : &*found;
}

// Every code reachable all the time, where nothing was measured.
CodeSurvival survival_of(const QuantPlan& plan, const ActivationStats& stats,
                         std::string_view value) {
  const PlannedActivation* planned = planned_activation(plan, value);
  std::string_view source = value;
  const PlannedActivation* at = planned;
  while (at != nullptr && !stats.tensors.contains(std::string(source)) &&
         !at->shared_with.empty()) {
    source = at->shared_with;
    at = planned_activation(plan, source);
  }
  const auto found = stats.tensors.find(std::string(source));
  if (planned == nullptr || found == stats.tensors.end()) {
    CodeSurvival unknown;
    unknown.fill(1.0);
    return unknown;
  }
  return code_survival(found->second, planned->params);
}

}  // namespace

std::vector<WeightSummary> summarize_weights(const Graph& main, const QuantPlan& whole,
                                             const std::vector<WeightReport>& weights,
                                             const ActivationStats& stats) {
  std::vector<WeightSummary> out;
  const ModelIndex index(main);
  for (const WeightReport& weight : weights) {
    const QuantPlan& plan = weight.graph == 0 ? whole : whole.inner.at(weight.graph - 1);
    const Node& node = index[weight.graph].graph().nodes.at(weight.node);
    const auto planned = std::ranges::find_if(plan.constants, [&](const PlannedConstant& constant) {
      return constant.node == weight.node && constant.slot == weight.slot;
    });
    PTQ_CHECK(planned != plan.constants.end());
    WeightSummary summary{.node = plan.decisions.at(weight.node).label,
                          .constant = weight.constant,
                          .dtype = planned->scheme.dtype,
                          .pair_limited = planned->pair_limited,
                          .sqnr_db = weight.sqnr_db,
                          .reason = planned->reason};
    const ReductionOrder order = reduction_order(node, weight.codes.shape());
    if (planned->scheme.dtype == DType::kInt8 && adds_in_16_bits(node, weight.codes.shape()) &&
        plan.decisions[weight.node].integer && plan.target->engine == Engine::kOnnxRuntime &&
        plan.target->activation.dtype == DType::kUint8) {
      const PairForecast forecast = forecast_pairs(weight.codes.data<int8_t>(), order,
                                                   survival_of(plan, stats, node.input(0)));
      summary.largest_pair_sum = forecast.largest_pair_sum;
      summary.saturating_share = forecast.share;
    }
    out.push_back(std::move(summary));
  }
  return out;
}

std::string saturation_finding(const std::vector<WeightSummary>& weights) {
  const auto count = std::ranges::count_if(
      weights, [](const WeightSummary& weight) { return weight.can_saturate(); });
  if (count == 0) {
    return {};
  }
  const auto worst = std::ranges::max_element(weights, {}, &WeightSummary::saturating_share);
  return fmt::format(
      "{} of {} weights can saturate on x86 processors without VNNI, worst {}: up to {:.2g} % of "
      "its pair sums with the calibrated activations; --weights int8-safe rules it out",
      count, weights.size(), printable(worst->node, 60), 100.0 * worst->saturating_share);
}

}  // namespace ptq
