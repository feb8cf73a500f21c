#include "range/kl.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "range/estimators.h"
#include "range/quant_error.h"

namespace ptq {
namespace {

constexpr size_t kBins = 2048;

// |x| in equal bins over [0, absmax], each log bucket spread evenly over those that it touches.
std::vector<double> linear_bins(const TensorStats& stats, double absmax) {
  std::vector<double> bins(kBins, 0.0);
  const double bins_a_unit = static_cast<double>(kBins) / absmax;
  const double end = static_cast<double>(kBins);
  const auto bin_of = [&](double position) {
    return std::min(kBins - 1, static_cast<size_t>(position));
  };
  for (const LogHistogram::Bucket& bucket : stats.histogram.buckets(stats.min, stats.max)) {
    const double a =
        std::min(end, std::min(std::abs(bucket.lo), std::abs(bucket.hi)) * bins_a_unit);
    const double b =
        std::min(end, std::max(std::abs(bucket.lo), std::abs(bucket.hi)) * bins_a_unit);
    const auto count = static_cast<double>(bucket.count);
    const size_t first = bin_of(a);
    const size_t last = bin_of(b);
    if (first == last) {
      bins[first] += count;
      continue;
    }
    for (size_t i = first; i <= last; ++i) {
      const double from = std::max(a, static_cast<double>(i));
      const double to = std::min(b, static_cast<double>(i + 1));
      bins[i] += count * (to - from) / (b - a);
    }
  }
  return bins;
}

// Codes that the longer side of the full range gets: 128 of 8 bits for a symmetric scheme or
// balanced data, 256 for one-sided data.
size_t levels_of(const TensorStats& stats, const RangeOptions& options) {
  const Range full = estimate_absmax(stats, options);
  const QuantGrid grid =
      grid_of(params_for_range(full.lo, full.hi, options.scheme), options.scheme);
  const int32_t codes = -full.lo > full.hi ? grid.negative_codes : grid.positive_codes;
  return static_cast<size_t>(codes) + 1;
}

}  // namespace

// As in NVIDIA TensorRT's pytorch-quantization (calib/histogram.py): P is the first i bins with the
// rest added to the last of them; Q pools the first i bins into `levels` and spreads each level
// over its non-empty bins; both are normalized. Σ P log(P/Q) falls into Σ p log p over single bins
// and Σ p · log q over levels, both from prefix sums, so a candidate costs O(levels) instead of
// O(bins).
size_t kl_best_bins(std::span<const double> bins, size_t levels) {
  const size_t n = bins.size();
  std::vector<double> mass(n + 1, 0.0);
  std::vector<double> mass_log(n + 1, 0.0);
  std::vector<size_t> filled(n + 1, 0);
  for (size_t i = 0; i < n; ++i) {
    mass[i + 1] = mass[i] + bins[i];
    mass_log[i + 1] = mass_log[i] + (bins[i] > 0.0 ? bins[i] * std::log(bins[i]) : 0.0);
    filled[i + 1] = filled[i] + (bins[i] > 0.0 ? 1 : 0);
  }
  const double total = mass[n];
  double best = std::numeric_limits<double>::infinity();
  size_t best_bins = n;
  for (size_t i = levels; i <= n && total > 0.0; ++i) {
    const double tail = total - mass[i];
    const double last = bins[i - 1] + tail;
    if (mass[i] <= 0.0 || (bins[i - 1] <= 0.0 && tail > 0.0)) {
      continue;  // Q is 0 where P is not: the divergence is infinite
    }
    double p_log_q = 0.0;
    for (size_t level = 0, from = 0; level < levels; ++level) {
      const size_t to = ((level + 1) * i + levels - 1) / levels;  // first bin of the next level
      if (filled[to] > filled[from]) {
        const double pooled = mass[to] - mass[from];
        const double p = pooled + (to == i ? tail : 0.0);
        p_log_q += p * std::log(pooled / static_cast<double>(filled[to] - filled[from]));
      }
      from = to;
    }
    const double p_log_p = mass_log[i - 1] + (last > 0.0 ? last * std::log(last) : 0.0);
    // P is divided by `total`, Q by the mass of the first i bins.
    const double divergence = (p_log_p - p_log_q) / total - std::log(total) + std::log(mass[i]);
    if (divergence <= best) {
      best = divergence;
      best_bins = i;
    }
  }
  return best_bins;
}

Range estimate_kl(const TensorStats& stats, const RangeOptions& options) {
  const Range full = estimate_absmax(stats, options);
  const double absmax = std::max(-static_cast<double>(full.lo), static_cast<double>(full.hi));
  if (absmax == 0.0) {
    return full;
  }
  std::vector<double> bins = linear_bins(stats, absmax);
  bins[0] = bins[1];  // the spike at zero costs nothing, as 0 is a code, but would rule the search
  const size_t kept = kl_best_bins(bins, levels_of(stats, options));
  if (kept == bins.size()) {
    return full;
  }
  const auto t = static_cast<float>(absmax * static_cast<double>(kept) / kBins);
  return scored_range(QuantError(stats), std::max(full.lo, -t), std::min(full.hi, t),
                      options.scheme);
}

}  // namespace ptq
