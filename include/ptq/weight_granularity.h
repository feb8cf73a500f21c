#pragma once
// How many scales a weight has: what kernels of some targets force, and what costs accuracy where
// channels differ much. Plain values; any thread.

#include <string_view>

namespace ptq {

// kChannel: one scale an output channel, wherever the target has kernels for it. kTensor: one scale
// a weight.
enum class WeightGranularity { kChannel, kTensor };

// The name typed by the user ("channel", "tensor") and back; parse throws Error{kUsage}.
std::string_view weight_granularity_name(WeightGranularity granularity);
WeightGranularity parse_weight_granularity(std::string_view name);

}  // namespace ptq
