#include "report/compact_histogram.h"

#include <algorithm>
#include <cmath>

namespace ptq {
namespace {

// How many values lie below each of the bins + 1 edges, buckets taken as evenly filled.
std::vector<double> cumulative_counts(const TensorStats& tensor, size_t bins) {
  const auto min = static_cast<double>(tensor.min);
  const double width = (static_cast<double>(tensor.max) - min) / static_cast<double>(bins);
  std::vector<double> below(bins + 1, 0.0);
  size_t edge = 1;  // the first edge that the buckets seen so far have not passed
  double seen = 0.0;
  for (const LogHistogram::Bucket& bucket : tensor.histogram.buckets(tensor.min, tensor.max)) {
    const auto count = static_cast<double>(bucket.count);
    for (; edge < bins; ++edge) {
      const double x = min + width * static_cast<double>(edge);
      if (x > bucket.hi) {
        break;
      }
      const double share =
          bucket.hi > bucket.lo ? std::max(0.0, x - bucket.lo) / (bucket.hi - bucket.lo) : 0.0;
      below[edge] = seen + count * share;
    }
    seen += count;
  }
  std::fill(below.begin() + static_cast<std::ptrdiff_t>(edge), below.end(), seen);
  return below;
}

}  // namespace

CompactHistogram compact_histogram(const TensorStats& tensor, size_t bins) {
  CompactHistogram result{.min = tensor.min, .max = tensor.max};
  if (tensor.count == 0 || bins == 0) {
    return result;
  }
  if (!(tensor.max > tensor.min)) {
    result.counts = {tensor.histogram.total()};
    return result;
  }
  const std::vector<double> below = cumulative_counts(tensor, bins);
  result.counts.reserve(bins);
  for (size_t i = 0; i < bins; ++i) {  // rounding the sums keeps the total exact
    result.counts.push_back(static_cast<uint64_t>(std::nearbyint(below[i + 1])) -
                            static_cast<uint64_t>(std::nearbyint(below[i])));
  }
  return result;
}

Json histogram_json(const CompactHistogram& histogram) {
  return {{"min", number(static_cast<double>(histogram.min))},
          {"max", number(static_cast<double>(histogram.max))},
          {"counts", histogram.counts}};
}

}  // namespace ptq
