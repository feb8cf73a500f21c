#pragma once
// How often the 16-bit pair sums of x86 kernels without VNNI saturate (quant/pair_limit.h), from
// the weight codes and what calibration saw of the activation. Pure functions; any thread.

#include <array>
#include <cstdint>
#include <span>

#include "ptq/activation_stats.h"
#include "ptq/quant_params.h"
#include "quant/pair_limit.h"

namespace ptq {

// [c]: the share of a tensor's values whose uint8 code is at least c.
using CodeSurvival = std::array<double, 256>;
CodeSurvival code_survival(const TensorStats& stats, const QuantParams& params);

struct PairForecast {
  int32_t largest_pair_sum = 0;  // of the weight codes, equal signs; harmless up to kSafePairSum
  // Share of all pair sums that saturate when neighbouring activations are equal. Neighbours that
  // are less alike saturate less: among all joint distributions with these margins, equality has
  // the heaviest tail of a weighted sum (it is comonotonic).
  double share = 0.0;
};
PairForecast forecast_pairs(std::span<const int8_t> codes, const ReductionOrder& order,
                            const CodeSurvival& survival);

}  // namespace ptq
