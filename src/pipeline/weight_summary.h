#pragma once
// What became of each weight, and how often its sums would saturate on x86 without VNNI: the part
// of quantize_model that reports on weights. Any thread.

#include <string>
#include <vector>

#include "ptq/activation_stats.h"
#include "ptq/pipeline.h"
#include "transform/insert_qdq.h"

namespace ptq {

// One entry a coded weight, in graph order. `main` is the prepared graph of the plan.
std::vector<WeightSummary> summarize_weights(const Graph& main, const QuantPlan& plan,
                                             const std::vector<WeightReport>& weights,
                                             const ActivationStats& stats);

// The finding about saturation, or "" when no pair sum of any weight can saturate.
std::string saturation_finding(const std::vector<WeightSummary>& weights);

}  // namespace ptq
