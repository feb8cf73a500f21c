#include "diagnose/weight_profile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace ptq {
namespace {

// Σ (w − scale · round(w / scale))² with scale = absmax / codes; 0 for zeros.
double rounding_error(std::span<const float> values, double codes) {
  double absmax = 0.0;
  for (const float value : values) {
    absmax = std::max(absmax, std::abs(static_cast<double>(value)));
  }
  const double scale = absmax / codes;
  double error = 0.0;
  for (const float value : values) {
    const auto w = static_cast<double>(value);
    const double rounded = scale > 0.0 ? scale * std::nearbyint(w / scale) : 0.0;
    error += (w - rounded) * (w - rounded);
  }
  return error;
}

double decibel(double signal, double error) {
  return error <= 0.0 ? std::numeric_limits<double>::infinity() : 10.0 * std::log10(signal / error);
}

// The values of channel `c` in the order of the tensor.
void copy_channel(const std::vector<float>& values, const Shape& shape, int64_t axis, int64_t c,
                  std::vector<float>& row) {
  row.clear();
  if (axis < 0) {
    row = values;
    return;
  }
  size_t inner = 1;
  for (size_t k = static_cast<size_t>(axis) + 1; k < shape.size(); ++k) {
    inner *= static_cast<size_t>(shape[k]);
  }
  const size_t step = inner * static_cast<size_t>(shape[static_cast<size_t>(axis)]);
  for (size_t first = static_cast<size_t>(c) * inner; first < values.size(); first += step) {
    row.insert(row.end(), values.begin() + static_cast<std::ptrdiff_t>(first),
               values.begin() + static_cast<std::ptrdiff_t>(first + inner));
  }
}

// `absmax` ascends; each quantile is one of its values, the nearest below.
std::vector<float> channel_quantiles(const std::vector<double>& absmax) {
  const size_t points = std::min(absmax.size(), kChannelQuantiles);
  std::vector<float> quantiles;
  for (size_t i = 0; i < points; ++i) {
    const size_t at = points == 1 ? 0 : i * (absmax.size() - 1) / (points - 1);
    quantiles.push_back(static_cast<float>(absmax[at]));
  }
  return quantiles;
}

// `absmax` ascends.
double channel_spread(std::vector<double> absmax) {
  std::erase(absmax, 0.0);
  if (absmax.empty()) {
    return 1.0;
  }
  const size_t n = absmax.size();
  const double median = n % 2 == 1 ? absmax[n / 2] : (absmax[n / 2 - 1] + absmax[n / 2]) / 2.0;
  return absmax.back() / median;
}

}  // namespace

WeightProfile profile_weight(const std::string& name, const Tensor& weight, int64_t axis) {
  WeightProfile profile{.name = name, .values = static_cast<uint64_t>(weight.size())};
  profile.channels = axis < 0 ? 1 : weight.shape().at(static_cast<size_t>(axis));
  const std::vector<float> values = to_floats(weight);
  profile.finite = std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
  if (!profile.finite || values.empty()) {
    return profile;
  }
  double signal = 0.0;
  double channel_8 = 0.0;
  double channel_4 = 0.0;
  double group_4 = 0.0;
  std::vector<double> absmax;
  std::vector<float> row;
  for (int64_t c = 0; c < profile.channels; ++c) {
    copy_channel(values, weight.shape(), axis, c, row);
    double largest = 0.0;
    for (const float value : row) {
      signal += static_cast<double>(value) * static_cast<double>(value);
      largest = std::max(largest, std::abs(static_cast<double>(value)));
    }
    absmax.push_back(largest);
    profile.dead_channels += largest == 0.0 ? 1 : 0;
    channel_8 += rounding_error(row, 127.0);
    channel_4 += rounding_error(row, 7.0);
    const std::span<const float> all(row);
    for (size_t first = 0; first < row.size(); first += kWeightGroup) {
      group_4 += rounding_error(
          all.subspan(first, std::min<size_t>(kWeightGroup, row.size() - first)), 7.0);
    }
  }
  profile.power = signal / static_cast<double>(values.size());
  std::ranges::sort(absmax);
  profile.channel_absmax = channel_quantiles(absmax);
  profile.spread = channel_spread(std::move(absmax));
  profile.channel_db_8 = decibel(signal, channel_8);
  profile.channel_db_4 = decibel(signal, channel_4);
  profile.group_db_4 = decibel(signal, group_4);
  profile.coded_db_8 = profile.channel_db_8;
  return profile;
}

}  // namespace ptq
