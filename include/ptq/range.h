#pragma once
// From statistics to the interval that a quantizer keeps representable. An estimator is a pure
// function of one tensor's statistics; the table of estimators is the one place that knows them
// all. Any thread.

#include <span>
#include <string>
#include <string_view>

#include "ptq/activation_stats.h"
#include "ptq/quant_params.h"

namespace ptq {

struct Range {
  float lo = 0.0F;                // ≤ 0
  float hi = 0.0F;                // ≥ 0
  double clipped_fraction = 0.0;  // share of values outside [lo, hi], by the histogram
  double sqnr_db = 0.0;           // predicted, by the histogram
};

struct RangeOptions {
  QuantScheme scheme{};        // what the range will be used for
  double percentile = 99.999;  // of |x|, in percent, for the percentile estimator
};

struct RangeEstimator {
  std::string_view name;     // "absmax", as typed by the user
  std::string_view summary;  // one line for --help
  Range (*estimate)(const TensorStats& stats, const RangeOptions& options);
};

// absmax, percentile, mse, kl.
std::span<const RangeEstimator> range_estimators();
// Throws Error{kUsage} listing the names when there is no such estimator.
const RangeEstimator& range_estimator(std::string_view name);

// Predicted 10·log10(Σx² / Σ(x − x̂)²) when the tensor is quantized with `params`: rounding and
// clipping errors integrated over the histogram, density taken as uniform inside a bucket.
// +infinity when the error is 0 (all values are zero).
double predicted_sqnr_db(const TensorStats& stats, const QuantParams& params,
                         const QuantScheme& scheme);

}  // namespace ptq
