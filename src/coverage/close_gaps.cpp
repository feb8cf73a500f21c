#include <algorithm>
#include <limits>
#include <numeric>

#include "coverage/lazy_greedy.h"
#include "ptq/selection.h"

namespace ptq {
namespace {

// An excess below this share of the calibrated range is no gap.
constexpr double kLeastExcess = 0.01;
// A sample that closes less than this part of one gap is not worth adding.
constexpr double kLeastGain = 0.01;

// One side of a tensor, from what calibration saw to what production met.
struct Gap {
  size_t value = 0;  // position in the names of the sketches
  bool negative = false;
  double from = 0.0;
  double to = 0.0;

  // 0 … 1
  double closed_by(const ValueSketch& sketch) const {
    const double x = static_cast<double>(negative ? -sketch.extremes.min : sketch.extremes.max);
    return sketch.count == 0 ? 0.0 : std::clamp((x - from) / (to - from), 0.0, 1.0);
  }
};

std::vector<Gap> find_gaps(const SampleSketches& pool, const std::vector<TensorCoverage>& tensors) {
  std::vector<Gap> gaps;
  for (const TensorCoverage& tensor : tensors) {
    const auto name = std::ranges::find(pool.names, tensor.name);
    if (name == pool.names.end()) {
      continue;
    }
    const double width = std::max(static_cast<double>(tensor.calibration.max), 0.0) -
                         std::min(static_cast<double>(tensor.calibration.min), 0.0);
    for (const bool negative : {false, true}) {
      const auto side = [negative](const Extremes& extremes) {
        return std::max(0.0, static_cast<double>(negative ? -extremes.min : extremes.max));
      };
      const Gap gap{static_cast<size_t>(name - pool.names.begin()), negative,
                    side(tensor.calibration), side(tensor.production)};
      if (gap.to > gap.from + kLeastExcess * width) {
        gaps.push_back(gap);
      }
    }
  }
  return gaps;
}

}  // namespace

GapClosing close_gaps(const SampleSketches& pool, const std::vector<TensorCoverage>& tensors,
                      size_t limit) {
  const std::vector<Gap> gaps = find_gaps(pool, tensors);
  GapClosing out{.gaps = gaps.size()};
  if (gaps.empty() || pool.samples.empty()) {
    return out;
  }
  std::vector<double> closed(gaps.size());
  std::vector<double> possible(gaps.size());
  const auto raise = [&](size_t sample, std::vector<double>& levels) {
    for (size_t g = 0; g < gaps.size(); ++g) {
      const ValueSketch& sketch = pool.samples[sample].values[gaps[g].value];
      levels[g] = std::max(levels[g], gaps[g].closed_by(sketch));
    }
  };
  std::vector<size_t> order(pool.samples.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (const size_t sample : order) {
    raise(sample, possible);
  }
  const auto gain = [&](size_t sample) {
    double sum = 0.0;
    for (size_t g = 0; g < gaps.size(); ++g) {
      const ValueSketch& sketch = pool.samples[sample].values[gaps[g].value];
      sum += std::max(0.0, gaps[g].closed_by(sketch) - closed[g]);
    }
    return sum;
  };
  out.chosen = lazy_greedy(
      order, limit == 0 ? std::numeric_limits<size_t>::max() : limit, kLeastGain, gain,
      [&](size_t sample) { raise(sample, closed); }, [](size_t /*sample*/) { return true; });
  std::ranges::sort(out.chosen);
  const auto mean = [&](const std::vector<double>& levels) {
    return std::accumulate(levels.begin(), levels.end(), 0.0) / static_cast<double>(gaps.size());
  };
  out.closed = mean(closed);
  out.closed_by_pool = mean(possible);
  return out;
}

}  // namespace ptq
