#include "diagnose/pair_forecast.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "range/quant_error.h"

namespace ptq {
namespace {

// Lowest activation code at which a · sum leaves the int16 range; 256 when none does.
size_t first_saturating_code(int32_t sum) {
  const int32_t bound = sum > 0 ? 32767 : 32768;
  return sum == 0 ? 256 : static_cast<size_t>(std::min(256, bound / std::abs(sum) + 1));
}

}  // namespace

CodeSurvival code_survival(const TensorStats& stats, const QuantParams& params) {
  const QuantError values(stats);
  const auto total = static_cast<double>(stats.count);
  CodeSurvival survival{};
  for (size_t code = 0; code < survival.size(); ++code) {
    // The code is reached from half a step below its value.
    const double from =
        static_cast<double>(params.scale.at(0)) *
        (static_cast<double>(code) - 0.5 - static_cast<double>(params.zero_point.at(0)));
    const double above = from >= 0.0 ? values.positive().count_above(from)
                                     : total - values.negative().count_above(-from);
    survival[code] = code == 0 ? 1.0 : total == 0.0 ? 0.0 : std::clamp(above / total, 0.0, 1.0);
  }
  return survival;
}

PairForecast forecast_pairs(std::span<const int8_t> codes, const ReductionOrder& order,
                            const CodeSurvival& survival) {
  PairForecast forecast{.largest_pair_sum = largest_pair_sum(codes, order)};
  double saturating = 0.0;
  size_t pairs = 0;
  for (const size_t first : order.first) {
    for (size_t k = 0; k + 1 < order.step.size(); k += 2) {
      ++pairs;
      const int32_t sum = codes[first + order.step[k]] + codes[first + order.step[k + 1]];
      const size_t code = first_saturating_code(sum);
      saturating += code < survival.size() ? survival[code] : 0.0;
    }
  }
  forecast.share = pairs == 0 ? 0.0 : saturating / static_cast<double>(pairs);
  return forecast;
}

}  // namespace ptq
