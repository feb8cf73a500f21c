#include <algorithm>

#include "range/estimators.h"
#include "range/quant_error.h"

namespace ptq {

// Everything that was seen: [min, max] widened to hold 0, or ±max|x| for a symmetric scheme.
Range estimate_absmax(const TensorStats& stats, const RangeOptions& options) {
  float lo = std::min(stats.min, 0.0F);
  float hi = std::max(stats.max, 0.0F);
  if (options.scheme.symmetric) {
    hi = std::max(-lo, hi);
    lo = -hi;
  }
  return scored_range(QuantError(stats), lo, hi, options.scheme);
}

}  // namespace ptq
