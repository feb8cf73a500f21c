#include "validate/exclude_layers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace ptq {
namespace {

constexpr double kExcludedShare = 0.75;  // of the noise: 6 dB

// By signal. A layer that ruins the output outright is worse than any that does not.
double noise_of(double sqnr_db) {
  if (std::isinf(sqnr_db) && sqnr_db > 0.0) {
    return 0.0;
  }
  return std::isfinite(sqnr_db) ? std::pow(10.0, -sqnr_db / 10.0) : 1e30;
}

}  // namespace

void choose_exclusions(LayerErrors& errors) {
  std::vector<double> noise;
  for (const LayerError& layer : errors.layers) {
    noise.push_back(noise_of(layer.alone_sqnr_db));
  }
  std::vector<size_t> order(noise.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater<>(), [&](size_t i) { return noise[i]; });
  const double all = std::accumulate(noise.begin(), noise.end(), 0.0);
  size_t excluded = 0;
  for (double out = 0.0; excluded < order.size() && out < kExcludedShare * all; ++excluded) {
    out += noise[order[excluded]];
    errors.exclude.push_back(errors.layers[order[excluded]].name);
  }
  double left = 0.0;  // summed anew: all − out would be rounding where one layer is everything
  for (size_t i = excluded; i < order.size(); ++i) {
    left += noise[order[i]];
  }
  errors.sqnr_db_without =
      left > 0.0 ? -10.0 * std::log10(left) : std::numeric_limits<double>::infinity();
}

}  // namespace ptq
