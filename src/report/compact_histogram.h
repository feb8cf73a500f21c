#pragma once
// Histograms small enough for a JSON document, for plots: equally wide bins from the smallest to
// the largest value, made from the logarithmic histogram of the statistics. Pure functions; any
// thread.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ptq/activation_stats.h"
#include "report/json_document.h"

namespace ptq {

inline constexpr size_t kCompactBins = 64;
// How many tensors of a document get a histogram: those with the largest outlier ratios.
inline constexpr size_t kCompactHistograms = 16;

struct CompactHistogram {
  float min = 0.0F;  // left edge of the first bin
  float max = 0.0F;  // right edge of the last bin
  std::vector<uint64_t> counts{};
};

// Values of a bucket that lies across bins are spread evenly over it; the sum of the counts is the
// number of finite values. A tensor without values has no bins, one of a single value has one.
CompactHistogram compact_histogram(const TensorStats& tensor, size_t bins = kCompactBins);

// {"min": …, "max": …, "counts": […]}
Json histogram_json(const CompactHistogram& histogram);

}  // namespace ptq
