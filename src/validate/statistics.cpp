#include "validate/statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ptq/error.h"

namespace ptq {
namespace {

double normal_cdf(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

// Tango's statistic for the hypothesis that the difference is `difference`.
double score_of(double broken, double repaired, double samples, double difference) {
  // The probability of being repaired, as likely as it can be under the hypothesis.
  const double a = 2.0 * samples;
  const double b = -broken - repaired + (2.0 * samples - broken + repaired) * difference;
  const double c = -repaired * difference * (1.0 - difference);
  const double q = (std::sqrt(std::max(0.0, b * b - 4.0 * a * c)) - b) / (2.0 * a);
  const double variance = samples * (2.0 * q + difference * (1.0 - difference));
  const double deviation = broken - repaired - samples * difference;
  if (variance <= 0.0) {
    return deviation == 0.0 ? 0.0 : std::copysign(INFINITY, deviation);
  }
  return deviation / std::sqrt(variance);
}

// Numbers in [0, 2^64), the same everywhere (SplitMix64).
class Draws {
 public:
  explicit Draws(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

  // In [0, count), each as likely to within count / 2^32.
  size_t below(size_t count) { return ((next() >> 32U) * count) >> 32U; }

 private:
  uint64_t state_;
};

// Of ascending values, with linear interpolation between neighbours.
double quantile_of(const std::vector<double>& sorted, double p) {
  const double position = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// Where the estimate lies among the draws, in deviations of a normal; 0 in their middle.
double bias_of(const std::vector<double>& sorted, double estimate) {
  const auto below = std::ranges::lower_bound(sorted, estimate) - sorted.begin();
  const auto not_above = std::ranges::upper_bound(sorted, estimate) - sorted.begin();
  const auto count = static_cast<double>(sorted.size());
  const double share = 0.5 * static_cast<double>(below + not_above) / count;
  return normal_quantile(std::clamp(share, 0.5 / count, 1.0 - 0.5 / count));
}

}  // namespace

double normal_quantile(double p) {
  PTQ_CHECK(p > 0.0 && p < 1.0);
  double low = -40.0;
  double high = 40.0;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (normal_cdf(middle) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

double mcnemar_p_value(uint64_t broken, uint64_t repaired) {
  const uint64_t discordant = broken + repaired;
  if (discordant == 0) {
    return 1.0;
  }
  const auto b = static_cast<double>(broken);
  const auto c = static_cast<double>(repaired);
  if (discordant >= kExactMcNemar) {
    return std::erfc(std::abs(b - c) / std::sqrt(2.0 * (b + c)));
  }
  double chance = std::pow(0.5, static_cast<double>(discordant));  // of 0 successes
  double tail = 0.0;
  for (uint64_t k = 0; k <= std::min(broken, repaired); ++k) {
    tail += chance;
    chance *= static_cast<double>(discordant - k) / static_cast<double>(k + 1);
  }
  return std::min(1.0, 2.0 * tail);
}

Interval paired_proportion_interval(double broken, double repaired, double samples,
                                    double confidence) {
  PTQ_CHECK(samples >= 1.0);
  const double z = normal_quantile(confidence);
  const double estimate = (broken - repaired) / samples;
  // The score falls as the difference rises.
  const auto solve = [&](double inside, double outside, double target) {
    for (int i = 0; i < 100; ++i) {
      const double middle = 0.5 * (inside + outside);
      const bool within = std::abs(score_of(broken, repaired, samples, middle)) < target;
      (within ? inside : outside) = middle;
    }
    return 0.5 * (inside + outside);
  };
  return {.lower = solve(estimate, -1.0, z), .upper = solve(estimate, 1.0, z)};
}

BootstrapResult paired_bootstrap(
    size_t samples, const std::function<double(std::span<const uint32_t> weights)>& statistic,
    double confidence, size_t resamples, uint64_t seed) {
  BootstrapResult result;
  const double estimate = statistic(std::vector<uint32_t>(samples, 1));
  Draws draws(seed);
  std::vector<uint32_t> weights(samples);
  std::vector<double> values;
  values.reserve(resamples);
  for (size_t r = 0; r < resamples && samples > 0; ++r) {
    std::ranges::fill(weights, 0U);
    for (size_t i = 0; i < samples; ++i) {
      ++weights[draws.below(samples)];
    }
    const double value = statistic(weights);
    if (std::isfinite(value)) {
      values.push_back(value);
    }
  }
  if (values.empty()) {
    return {.interval = {.lower = -INFINITY, .upper = INFINITY}};
  }
  std::ranges::sort(values);
  const double bias = bias_of(values, estimate);
  const double z = normal_quantile(confidence);
  result.interval = {.lower = quantile_of(values, normal_cdf(2.0 * bias - z)),
                     .upper = quantile_of(values, normal_cdf(2.0 * bias + z))};
  double mean = 0.0;
  for (const double value : values) {
    mean += value / static_cast<double>(values.size());
  }
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - mean) * (value - mean);
  }
  result.standard_error =
      values.size() > 1 ? std::sqrt(squares / static_cast<double>(values.size() - 1)) : 0.0;
  return result;
}

MeanError mean_error(std::span<const double> differences) {
  const auto count = static_cast<double>(differences.size());
  if (differences.size() < 2) {
    return {.mean = differences.empty() ? 0.0 : differences.front()};
  }
  double mean = 0.0;
  for (const double value : differences) {
    mean += value;
  }
  mean /= count;
  double squares = 0.0;
  for (const double value : differences) {
    squares += (value - mean) * (value - mean);
  }
  return {.mean = mean, .standard_error = std::sqrt(squares / (count - 1.0) / count)};
}

GateOutcome judge_upper_limit(const Interval& interval, double limit) {
  if (interval.upper <= limit) {
    return GateOutcome::kPass;
  }
  return interval.lower > limit ? GateOutcome::kFail : GateOutcome::kInconclusive;
}

}  // namespace ptq
