#include <algorithm>
#include <cmath>

#include "ptq/activation_stats.h"

namespace ptq {

void TensorStats::merge(const TensorStats& other) {
  if (other.count > 0) {
    min = count > 0 ? std::min(min, other.min) : other.min;
    max = count > 0 ? std::max(max, other.max) : other.max;
  }
  count += other.count;
  nan += other.nan;
  inf += other.inf;
  histogram.merge(other.histogram);
}

TensorStats stats_of(std::span<const float> values) {
  TensorStats stats;
  for (const float value : values) {
    if (std::isnan(value)) {
      ++stats.nan;
    } else if (std::isinf(value)) {
      ++stats.inf;
    } else {
      stats.min = stats.count > 0 ? std::min(stats.min, value) : value;
      stats.max = stats.count > 0 ? std::max(stats.max, value) : value;
      ++stats.count;
    }
  }
  // −0 and +0 compare equal, so which of them stays would depend on the order of the values.
  stats.min += 0.0F;
  stats.max += 0.0F;
  stats.histogram.add_values(values);
  return stats;
}

double magnitude_quantile(const TensorStats& stats, double p, bool include_zeros) {
  const LogHistogram& histogram = stats.histogram;
  const uint64_t zeros = include_zeros ? histogram.zeros() : 0;
  const uint64_t total = histogram.total() - (include_zeros ? 0 : histogram.zeros());
  if (total == 0) {
    return 0.0;
  }
  const double absmax =
      std::max(std::abs(static_cast<double>(stats.min)), std::abs(static_cast<double>(stats.max)));
  const double rank = p * static_cast<double>(total);
  auto below = static_cast<double>(zeros);
  if (rank <= below) {
    return 0.0;
  }
  for (uint32_t key = 1; key < LogHistogram::kNonFiniteKey; ++key) {
    const auto here = static_cast<double>(histogram.count(key, false) + histogram.count(key, true));
    if (here > 0 && below + here >= rank) {
      const double lo = LogHistogram::lower_edge(key);
      const double hi = std::min<double>(LogHistogram::lower_edge(key + 1), absmax);
      return lo + (hi - lo) * std::clamp((rank - below) / here, 0.0, 1.0);
    }
    below += here;
  }
  return absmax;
}

TensorStats clamped(const TensorStats& stats, float lo, float hi) {
  if (stats.count == 0 || (stats.min >= lo && stats.max <= hi)) {
    return stats;
  }
  TensorStats out = stats;
  out.min = std::clamp(stats.min, lo, hi);
  out.max = std::clamp(stats.max, lo, hi);
  out.histogram = {};
  for (uint32_t key = 0; key < LogHistogram::kNonFiniteKey; ++key) {
    for (const bool negative : {false, true}) {
      const uint64_t count = stats.histogram.count(key, negative);
      if (count == 0 || (key == 0 && negative)) {
        continue;
      }
      const float edge = LogHistogram::lower_edge(key);
      const float value = negative ? -edge : edge;  // the end of the bucket next to 0
      const float moved = std::clamp(value, lo, hi);
      out.histogram.add(LogHistogram::magnitude_key(moved), moved < 0.0F, count);
    }
  }
  return out;
}

double outlier_ratio(const TensorStats& stats) {
  const double p99 = magnitude_quantile(stats, 0.99, false);
  const double absmax =
      std::max(std::abs(static_cast<double>(stats.min)), std::abs(static_cast<double>(stats.max)));
  return p99 > 0.0 ? std::max(1.0, absmax / p99) : 1.0;
}

double mean_ratio(const TensorStats& stats) {
  double sum = 0.0;
  double squares = 0.0;
  for (const LogHistogram::Bucket& bucket : stats.histogram.buckets(stats.min, stats.max)) {
    const double centre = 0.5 * (bucket.lo + bucket.hi);
    sum += centre * static_cast<double>(bucket.count);
    squares += centre * centre * static_cast<double>(bucket.count);
  }
  if (stats.count == 0 || squares == 0.0) {
    return 0.0;
  }
  constexpr double kHighest = 1e6;  // of a constant tensor: all that counts is the sum
  const double count = static_cast<double>(stats.count);
  const double mean = sum / count;
  const double variance = squares / count - mean * mean;
  return std::min(kHighest, mean * mean / std::max(variance, mean * mean / kHighest));
}

}  // namespace ptq
