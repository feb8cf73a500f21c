#pragma once
// Rewrites a float weight as integer codes with one scale an index of an axis (or one for all).
// Pure functions; any thread.

#include <vector>

#include "ptq/quant_params.h"
#include "ptq/tensor.h"
#include "quant/pair_limit.h"

namespace ptq {

struct QuantizedWeight {
  Tensor codes{};        // same shape as the weight, element type of the scheme
  QuantParams params{};  // axis −1 (one entry) or `axis` (one entry an index)
  double sqnr_db = 0.0;  // of the whole tensor; +infinity when nothing is lost
};

struct WeightOptions {
  // Empty, or one a channel: a scale is raised to it (keeps an INT32 bias in range).
  std::vector<float> lowest_scale{};
  // The rows that outputs sum up, as the kernel reads them: one a scale, or any number with axis
  // −1. Empty: unknown, and the two wishes below have no effect.
  ReductionOrder order{};
  bool pair_limited = false;  // INT8: no pair sum can saturate (pair_limit.h)
  double mean_ratio = 0.0;    // μ² / σ² of the activation, see mean_rounding.h
};

// Round to nearest with scales from the absolute maximum. `weight` is float32, float16, bfloat16 or
// float64 and finite (Error{kInput} otherwise, naming the flat index); `scheme` is symmetric.
// `axis` in [0, rank) or −1. An index whose values are all zero gets the scale 1. 8-bit types only.
QuantizedWeight quantize_weight(const Tensor& weight, const QuantScheme& scheme, int64_t axis,
                                const WeightOptions& options = {});

// round(bias / scale) as INT32, half to even; one scale an element, finite and > 0. Throws
// Error{kInput} when a value is not finite, Error{kInternal} when a code leaves the INT32 range:
// use `bias_scale_floor` first.
Tensor quantize_bias(const Tensor& bias, const std::vector<float>& scale);

// Smallest weight scale, one an element of `bias`, with which activation_scale · scale is a normal
// float32 and |bias| / (activation_scale · scale) is at most 2^30 (but for the rounding of
// float32). Throws Error{kInput} when a value is not finite or no float32 scale is large enough.
std::vector<float> bias_scale_floor(const Tensor& bias, float activation_scale);

}  // namespace ptq
