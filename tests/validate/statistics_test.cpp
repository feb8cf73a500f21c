// Known answers: SciPy 1.17.1. norm.ppf; binomtest(b, b + c, 0.5) and 2·norm.sf(|b − c| / √(b +
// c)); Tango's bounds by brentq on the statistic, with the constrained likelihood maximized
// numerically (minimize_scalar) instead of by its formula; bootstrap with 200,000 resamples.

#include "validate/statistics.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace ptq {
namespace {

TEST(NormalQuantile, EqualsScipy) {
  EXPECT_NEAR(normal_quantile(0.9), 1.2815515655446004, 1e-12);
  EXPECT_NEAR(normal_quantile(0.95), 1.6448536269514722, 1e-12);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile(0.01), -2.3263478740408408, 1e-12);
  EXPECT_NEAR(normal_quantile(0.5), 0.0, 1e-12);
}

TEST(McNemar, IsExactBelow25DiscordantSamples) {
  EXPECT_EQ(mcnemar_p_value(0, 0), 1.0);
  EXPECT_NEAR(mcnemar_p_value(5, 0), 0.0625, 1e-12);
  EXPECT_NEAR(mcnemar_p_value(8, 2), 0.109375, 1e-12);
  EXPECT_NEAR(mcnemar_p_value(2, 8), 0.109375, 1e-12);
  EXPECT_NEAR(mcnemar_p_value(1, 9), 0.021484375, 1e-12);
  EXPECT_NEAR(mcnemar_p_value(10, 14), 0.5412561893463135, 1e-12);
  EXPECT_EQ(mcnemar_p_value(12, 12), 1.0);
}

TEST(McNemar, IsNormalFrom25On) {
  EXPECT_NEAR(mcnemar_p_value(20, 30), 0.15729920705028516, 1e-12);
  EXPECT_NEAR(mcnemar_p_value(25, 0), 5.733031437583866e-07, 1e-15);
}

struct TangoCase {
  double broken, repaired, samples, lower, upper;
};

class Tango : public ::testing::TestWithParam<TangoCase> {};

TEST_P(Tango, EqualsBruteForce) {
  const TangoCase& known = GetParam();
  const Interval interval =
      paired_proportion_interval(known.broken, known.repaired, known.samples, 0.95);
  // The numerical maximum is good to about 1e-8.
  EXPECT_NEAR(interval.lower, known.lower, 2e-8);
  EXPECT_NEAR(interval.upper, known.upper, 2e-8);
}

INSTANTIATE_TEST_SUITE_P(
    Scipy, Tango,
    ::testing::Values(TangoCase{5, 0, 100, 0.02234014262618439, 0.09916108527906027},
                      TangoCase{8, 2, 256, 0.003610414404471832, 0.047827175971872846},
                      TangoCase{3, 3, 500, -0.009654094268242064, 0.009654093965936634},
                      TangoCase{20, 12, 2000, -0.0006803224155115324, 0.008977470904845724},
                      TangoCase{0, 4, 300, -0.02936655358523168, -0.004276290124603995},
                      TangoCase{40, 10, 1000, 0.018939059713627894, 0.04240809208121887}));

TEST(TangoInterval, OfNoDiscordantSampleIsNotEmpty) {
  const double z = normal_quantile(0.95);
  const Interval interval = paired_proportion_interval(0, 0, 300, 0.95);
  EXPECT_NEAR(interval.upper, z * z / (300.0 + z * z), 1e-12);
  EXPECT_NEAR(interval.lower, -interval.upper, 1e-12);
}

TEST(TangoInterval, HoldsZeroExactlyWhereMcNemarDoesNotReject) {
  const double z = normal_quantile(0.95);
  for (double b = 0; b <= 40; ++b) {
    for (double c = 0; c <= 40; ++c) {
      const double statistic = b + c == 0 ? 0.0 : (b - c) / std::sqrt(b + c);
      const Interval interval = paired_proportion_interval(b, c, 400, 0.95);
      EXPECT_EQ(std::abs(statistic) < z, interval.lower < 0.0 && interval.upper > 0.0)
          << b << " " << c;
    }
  }
}

// Counts every outcome with its probability: how often is the upper bound below the true drop?
TEST(TangoInterval, MissesAboutOneInTwenty) {
  constexpr int kSamples = 60;
  for (const double broken : {0.02, 0.05, 0.15}) {
    for (const double repaired : {0.0, 0.02, 0.10}) {
      double missed = 0.0;
      for (int b = 0; b <= kSamples; ++b) {
        for (int c = 0; b + c <= kSamples; ++c) {
          const double ways = std::lgamma(kSamples + 1.0) - std::lgamma(b + 1.0) -
                              std::lgamma(c + 1.0) - std::lgamma(kSamples - b - c + 1.0);
          if (repaired == 0.0 && c > 0) {
            continue;
          }
          const double chance =
              std::exp(ways + b * std::log(broken) + (c == 0 ? 0.0 : c * std::log(repaired)) +
                       (kSamples - b - c) * std::log(1.0 - broken - repaired));
          if (chance > 1e-12 &&
              paired_proportion_interval(b, c, kSamples, 0.95).upper < broken - repaired) {
            missed += chance;
          }
        }
      }
      EXPECT_LT(missed, 0.065) << broken << " " << repaired;
    }
  }
}

std::vector<double> spread_values() {
  std::vector<double> values;
  for (int i = 0; i < 200; ++i) {
    values.push_back(((i * 7919) % 101 - 50) / 25.0 + (i % 5 == 0 ? 0.3 : 0.0));
  }
  return values;
}

double weighted_mean(const std::vector<double>& values, std::span<const uint32_t> weights) {
  double sum = 0.0;
  for (size_t i = 0; i < values.size(); ++i) {
    sum += values[i] * weights[i];
  }
  return sum / static_cast<double>(values.size());
}

TEST(Bootstrap, AgreesWithScipyOnAMean) {
  const std::vector<double> values = spread_values();
  const BootstrapResult result = paired_bootstrap(
      values.size(), [&](auto weights) { return weighted_mean(values, weights); }, 0.95, 20000, 1);
  // Two ends of 20,000 draws scatter by about 0.002.
  EXPECT_NEAR(result.interval.lower, -0.0703, 0.008);
  EXPECT_NEAR(result.interval.upper, 0.1993, 0.008);
  EXPECT_NEAR(result.standard_error, 0.08197, 0.002);
}

TEST(Bootstrap, AStatisticThatIsOffInDrawsIsCorrected) {
  const auto shifted = [](std::span<const uint32_t> weights) {
    double sum = 0.0;
    uint32_t most = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      sum += static_cast<double>(weights[i]) * (static_cast<double>(i) - 24.5);
      most = std::max(most, weights[i]);
    }
    return sum / 50.0 + (most > 1 ? 3.0 : 0.0);
  };
  // A mean of deviation 2.04; draws are 3 too high: plain percentiles would reach up to 6.4.
  EXPECT_LT(paired_bootstrap(50, shifted, 0.95, 4000, 1).interval.upper, 2.5);
}

TEST(Bootstrap, SameSeedSameInterval) {
  const std::vector<double> values = spread_values();
  const auto run = [&](uint64_t seed) {
    return paired_bootstrap(
               values.size(), [&](auto weights) { return weighted_mean(values, weights); }, 0.95,
               500, seed)
        .interval.upper;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(Bootstrap, DrawsAsManySamplesAsThereAre) {
  paired_bootstrap(
      13,
      [](auto weights) {
        uint32_t sum = 0;
        for (const uint32_t weight : weights) {
          sum += weight;
        }
        EXPECT_EQ(sum, 13U);
        return 0.0;
      },
      0.95, 50, 3);
}

TEST(MeanError, EqualsScipy) {
  const MeanError result = mean_error(spread_values());
  EXPECT_NEAR(result.mean, 0.0642, 1e-12);
  EXPECT_NEAR(result.standard_error, 0.08227513469417551, 1e-12);
}

TEST(JudgeUpperLimit, HasThreeOutcomes) {
  EXPECT_EQ(judge_upper_limit({-0.5, 0.9}, 1.0), GateOutcome::kPass);
  EXPECT_EQ(judge_upper_limit({-0.5, 1.0}, 1.0), GateOutcome::kPass);
  EXPECT_EQ(judge_upper_limit({1.1, 2.0}, 1.0), GateOutcome::kFail);
  EXPECT_EQ(judge_upper_limit({0.5, 1.5}, 1.0), GateOutcome::kInconclusive);
  EXPECT_EQ(judge_upper_limit({NAN, NAN}, 1.0), GateOutcome::kInconclusive);
}

}  // namespace
}  // namespace ptq
