#include <algorithm>

#include <fmt/format.h>

#include "ptq/error.h"
#include "range/estimators.h"
#include "range/quant_error.h"

namespace ptq {

// Both sides are cut at the same t, the percentile of |x| with zeros counted: a side that does not
// reach t keeps all of its values. A tensor so sparse that t is 0 keeps its full range, as cutting
// at 0 would leave nothing of it.
Range estimate_percentile(const TensorStats& stats, const RangeOptions& options) {
  if (!(options.percentile > 0.0 && options.percentile <= 100.0)) {
    throw Error(ErrorCode::kUsage, fmt::format("expected a percentile above 0 and at most 100 "
                                               "(99.999 is usual), found {}",
                                               options.percentile));
  }
  const auto t = static_cast<float>(magnitude_quantile(stats, options.percentile / 100.0, true));
  if (t == 0.0F) {
    return estimate_absmax(stats, options);
  }
  float lo = std::max(std::min(stats.min, 0.0F), -t);
  float hi = std::min(std::max(stats.max, 0.0F), t);
  if (options.scheme.symmetric) {
    hi = std::max(-lo, hi);
    lo = -hi;
  }
  return scored_range(QuantError(stats), lo, hi, options.scheme);
}

}  // namespace ptq
