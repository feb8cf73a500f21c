#pragma once
// Statistics of times. Pure functions; any thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/benchmark.h"

namespace ptq {

// With linear interpolation between neighbours; zeros for no values.
Quartiles quartiles(std::vector<double> values);

// a[i] / b[i]; both are positive and as long.
std::vector<double> pair_ratios(std::span<const double> a, std::span<const double> b);

// What makes times of this spread doubtful, or "": the middle half of the runs should lie within
// 10 % of the median.
std::string noise_warning(std::string_view what, const Quartiles& times);

}  // namespace ptq
