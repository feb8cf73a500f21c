#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "ptq/activation_stats.h"

namespace ptq {
namespace {

std::vector<float> normal_values(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(size);
  for (float& value : values) {
    value = normal(random);
  }
  return values;
}

TEST(StatsOf, CountsFiniteNanAndInfApart) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {1.0F, -2.5F, inf, std::nanf(""), 0.25F, -inf, inf};
  const TensorStats stats = stats_of(values);
  EXPECT_EQ(stats.count, 3U);
  EXPECT_EQ(stats.nan, 1U);
  EXPECT_EQ(stats.inf, 3U);
  EXPECT_EQ(stats.min, -2.5F);
  EXPECT_EQ(stats.max, 1.0F);
  EXPECT_EQ(stats.histogram.total(), 3U);
}

TEST(StatsOf, IsEmptyForNothingFinite) {
  const std::vector<float> values = {std::nanf("")};
  TensorStats expected;
  expected.nan = 1;
  EXPECT_EQ(stats_of(values), expected);
  EXPECT_EQ(stats_of({}), TensorStats{});
}

TEST(TensorStats, MergeOfAnySplitIsTheWhole) {
  std::vector<float> values = normal_values(1000, 1);
  values[10] = std::nanf("");
  const TensorStats whole = stats_of(values);
  for (const size_t cut : {0, 5, 11, 999, 1000}) {
    TensorStats merged = stats_of(std::span(values).first(cut));
    merged.merge(stats_of(std::span(values).subspan(cut)));
    EXPECT_EQ(merged, whole) << cut;
  }
}

// A quantile lies in the bucket (3.2 % wide at most) of the value with that rank.
TEST(MagnitudeQuantile, LiesInTheBucketOfTheExactQuantile) {
  std::vector<float> values = normal_values(20001, 2);
  values.resize(25001, 0.0F);
  const TensorStats stats = stats_of(values);
  for (const bool zeros : {false, true}) {
    std::vector<float> magnitudes;
    for (const float value : values) {
      if (zeros || value != 0.0F) {
        magnitudes.push_back(std::abs(value));
      }
    }
    std::sort(magnitudes.begin(), magnitudes.end());
    for (const double p : {0.3, 0.5, 0.9, 0.99, 0.9999, 1.0}) {
      const auto rank = static_cast<size_t>(std::ceil(p * static_cast<double>(magnitudes.size())));
      const double exact = magnitudes[rank - 1];
      EXPECT_NEAR(magnitude_quantile(stats, p, zeros), exact, exact / 31) << p << zeros;
    }
  }
}

TEST(MagnitudeQuantile, IsTheLargestMagnitudeAtOneAndZeroWithoutValues) {
  const std::vector<float> values = {0.5F, -7.25F, 3.0F};
  EXPECT_EQ(magnitude_quantile(stats_of(values), 1.0, true), 7.25);
  EXPECT_EQ(magnitude_quantile(TensorStats{}, 0.99, true), 0.0);
  const std::vector<float> zeros(100, 0.0F);
  EXPECT_EQ(magnitude_quantile(stats_of(zeros), 0.99, true), 0.0);
}

TEST(OutlierRatio, IsOneForConstantsAndZerosAndGrowsWithAnOutlier) {
  const std::vector<float> zeros(100, 0.0F);
  EXPECT_EQ(outlier_ratio(stats_of(zeros)), 1.0);
  const std::vector<float> constant(100, -4.0F);
  EXPECT_NEAR(outlier_ratio(stats_of(constant)), 1.0, 0.04);
  std::vector<float> values = normal_values(10000, 3);
  const double before = outlier_ratio(stats_of(values));
  values[0] = 260.0F;
  EXPECT_NEAR(outlier_ratio(stats_of(values)), 100.0, 6.0);  // p99|x| of a normal is 2.58
  EXPECT_LT(before, 2.2);
}

}  // namespace
}  // namespace ptq
