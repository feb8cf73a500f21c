#pragma once
// Statistics of paired results: the same samples judged with two models. Pure functions of numbers,
// the same on every machine; any thread. Confidence levels are one-sided: an interval at 0.95 has a
// lower and an upper bound each of which is wrong in at most 5 % of all repetitions.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ptq/validation.h"

namespace ptq {

// z such that a standard normal value is below it with this probability, 0 < p < 1.
double normal_quantile(double p);

// Two-sided p-value of McNemar's test: are `broken` and `repaired` samples equally likely? Exact
// (binomial) below kExactMcNemar discordant samples, else by the normal approximation without
// correction. 1 when there are none.
inline constexpr uint64_t kExactMcNemar = 25;
double mcnemar_p_value(uint64_t broken, uint64_t repaired);

// Bounds for the difference of two paired proportions, (broken − repaired) / samples: the score
// interval of Tango (Statistics in Medicine 17, 1998), which inverts the test that at 0 is
// McNemar's. It holds for few discordant samples and for none at all: then its upper bound is
// z² / (n + z²). Counts may be fractions (of a sample that is thought larger); samples ≥ 1.
Interval paired_proportion_interval(double broken, double repaired, double samples,
                                    double confidence);

// Bootstrap with bias-corrected percentiles (Efron, The Canadian Journal of Statistics 9, 1981):
// `statistic` gets how often each of the samples was drawn, in `resamples` draws of as many samples
// with replacement. The correction matters where a statistic of draws is off in one direction, as
// average precision is. Values that are not finite are left out. The standard
// error is the deviation of the drawn values. The same seed draws the same samples on every
// machine.
struct BootstrapResult {
  Interval interval{};
  double standard_error = 0.0;
};
BootstrapResult paired_bootstrap(
    size_t samples, const std::function<double(std::span<const uint32_t> weights)>& statistic,
    double confidence, size_t resamples, uint64_t seed);

// Mean and its standard error (deviation with n − 1, by √n) of differences; 0 for fewer than two.
struct MeanError {
  double mean = 0.0;
  double standard_error = 0.0;
};
MeanError mean_error(std::span<const double> differences);

// PASS when all of the interval lies below the limit, FAIL when all of it lies above, else
// INCONCLUSIVE. A bound that equals the limit passes.
GateOutcome judge_upper_limit(const Interval& interval, double limit);

}  // namespace ptq
