#include "quant/mean_rounding.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/pair_limit.h"

namespace ptq {
namespace {

struct Step {
  double cost = 0.0;  // growth of δ²
  size_t at = 0;
};

}  // namespace

void keep_row_mean(std::span<const float> row, std::span<int32_t> codes, CodeRange range,
                   bool pair_limited, double mean_ratio) {
  double sum = 0.0;
  for (size_t k = 0; k < row.size(); ++k) {
    sum += static_cast<double>(codes[k]) - static_cast<double>(row[k]);
  }
  if (mean_ratio <= 0.0 || std::abs(sum) <= 0.5) {
    return;
  }
  const int32_t direction = sum > 0.0 ? -1 : 1;
  std::vector<Step> steps;
  for (size_t k = 0; k < row.size(); ++k) {
    const int32_t code = codes[k] + direction;
    if (code >= range.lo && code <= range.hi) {
      const double delta = static_cast<double>(codes[k]) - static_cast<double>(row[k]);
      steps.push_back({1.0 + 2.0 * direction * delta, k});
    }
  }
  std::ranges::sort(steps, [](const Step& a, const Step& b) {
    return a.cost != b.cost ? a.cost < b.cost : a.at < b.at;
  });
  for (const Step& step : steps) {
    const double gain = mean_ratio * (2.0 * std::abs(sum) - 1.0);
    if (step.cost >= gain || std::abs(sum) <= 0.5) {
      break;
    }
    const size_t partner = step.at ^ 1U;
    const int32_t code = codes[step.at] + direction;
    if (pair_limited && partner < codes.size() && pair_saturates(code, codes[partner])) {
      continue;
    }
    codes[step.at] = code;
    sum += direction;
  }
}

}  // namespace ptq
