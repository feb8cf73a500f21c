#pragma once
// What integers would make of a weight, by channel and by group. Pure; any thread.

#include <string>

#include "ptq/layer_diagnosis.h"
#include "ptq/tensor.h"

namespace ptq {

inline constexpr int64_t kWeightGroup = 32;      // values that share a scale in groups
inline constexpr size_t kChannelQuantiles = 17;  // of the channels' absolute maxima

// `weight` holds numbers; `axis` is that of the output channels, −1: all values are one channel.
// Groups run along a channel in the order of the tensor. The figures about pair sums and
// `coded_db_8` are left to the caller.
WeightProfile profile_weight(const std::string& name, const Tensor& weight, int64_t axis);

}  // namespace ptq
