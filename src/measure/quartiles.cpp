#include "measure/quartiles.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr double kQuietSpread = 0.10;

// `sorted` is not empty, `share` in [0, 1].
double quantile(std::span<const double> sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = place - static_cast<double>(below);
  return sorted[below] + part * (sorted[above] - sorted[below]);
}

}  // namespace

Quartiles quartiles(std::vector<double> values) {
  if (values.empty()) {
    return {};
  }
  std::ranges::sort(values);
  return {.lower = quantile(values, 0.25),
          .median = quantile(values, 0.5),
          .upper = quantile(values, 0.75)};
}

std::vector<double> pair_ratios(std::span<const double> a, std::span<const double> b) {
  PTQ_CHECK(a.size() == b.size());
  std::vector<double> ratios;
  for (size_t i = 0; i < a.size(); ++i) {
    ratios.push_back(b[i] > 0.0 ? a[i] / b[i] : 1.0);
  }
  return ratios;
}

std::string noise_warning(std::string_view what, const Quartiles& times) {
  if (times.spread() <= kQuietSpread) {
    return "";
  }
  return fmt::format(
      "the machine is noisy: the middle half of the {} runs spreads over {:.0f} % of the median; "
      "use an idle machine, more --runs or fewer --threads",
      what, 100.0 * times.spread());
}

}  // namespace ptq
