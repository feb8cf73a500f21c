#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "ptq/error.h"
#include "range/estimators.h"

namespace ptq {
namespace {

constexpr std::array<RangeEstimator, 4> kEstimators = {{
    {"absmax", "everything that was seen", estimate_absmax},
    {"percentile", "cut at a percentile of |x|", estimate_percentile},
    {"mse", "least squared error of rounding and clipping together", estimate_mse},
    {"kl", "least Kullback-Leibler divergence of the histograms (as TensorRT)", estimate_kl},
}};

}  // namespace

std::span<const RangeEstimator> range_estimators() {
  return kEstimators;
}

const RangeEstimator& range_estimator(std::string_view name) {
  const auto found = std::find_if(kEstimators.begin(), kEstimators.end(),
                                  [name](const RangeEstimator& e) { return e.name == name; });
  if (found == kEstimators.end()) {
    std::string names;
    for (const RangeEstimator& estimator : kEstimators) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", estimator.name);
    }
    throw Error(ErrorCode::kUsage,
                fmt::format("expected a range estimator ({}), found '{}'", names, printable(name)));
  }
  return *found;
}

}  // namespace ptq
