// TensorStats, magnitude_quantile and outlier_ratio of ptq/activation_stats.h.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "ptq/activation_stats.h"

namespace ptq {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// One of: normal, Laplace, Student t with 3 degrees of freedom, one-sided with many zeros.
std::vector<float> sample(int kind, size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0.0, 1.5);
  std::exponential_distribution<double> exponential(0.7);
  std::student_t_distribution<double> student(3.0);
  std::vector<float> out(count);
  for (float& value : out) {
    double drawn = 0.0;
    switch (kind) {
      case 0:
        drawn = normal(random);
        break;
      case 1:
        drawn = exponential(random) * (random() % 2 == 0 ? 1.0 : -1.0);
        break;
      case 2:
        drawn = student(random);
        break;
      default:
        drawn = std::max(0.0, normal(random));
    }
    value = static_cast<float>(drawn);
  }
  return out;
}

// The smallest |x| with at least a share p of the values at or below it, by sorting.
double exact_quantile(std::vector<float> values, double p, bool include_zeros) {
  std::ranges::transform(values, values.begin(), [](float v) { return std::abs(v); });
  if (!include_zeros) {
    std::erase_if(values, [](float v) { return v < 0x1p-131F; });
  }
  if (values.empty()) {
    return 0.0;
  }
  std::ranges::sort(values);
  const double rank = std::ceil(p * static_cast<double>(values.size()));
  return values[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

TEST(StatsOf, CountsKindsApartAndKeepsExactExtremes) {
  const std::vector<float> values = {1.5F, std::nanf(""), -2.25F, kInfinity, -kInfinity, 0.0F};
  const TensorStats stats = stats_of(values);
  EXPECT_EQ(stats.count, 3U);
  EXPECT_EQ(stats.nan, 1U);
  EXPECT_EQ(stats.inf, 2U);
  EXPECT_EQ(stats.min, -2.25F);
  EXPECT_EQ(stats.max, 1.5F);
  EXPECT_EQ(stats.histogram.total(), 3U);
  EXPECT_EQ(stats.histogram.zeros(), 1U);
}

TEST(StatsOf, NothingFiniteLeavesTheExtremesZero) {
  EXPECT_EQ(stats_of({}), TensorStats());
  const std::vector<float> values = {std::nanf(""), kInfinity};
  const TensorStats stats = stats_of(values);
  EXPECT_EQ(stats.count, 0U);
  EXPECT_EQ(stats.min, 0.0F);
  EXPECT_EQ(stats.max, 0.0F);
}

TEST(StatsOf, TheSignOfZeroLeavesNoTrace) {
  for (const std::vector<float>& values :
       {std::vector{-0.0F}, std::vector{-0.0F, 0.0F}, std::vector{0.0F, -0.0F},
        std::vector{-0.0F, 1.0F}, std::vector{-1.0F, -0.0F}}) {
    const TensorStats stats = stats_of(values);
    EXPECT_FALSE(stats.min == 0.0F && std::signbit(stats.min));
    EXPECT_FALSE(stats.max == 0.0F && std::signbit(stats.max));
  }
}

TEST(TensorStatsMerge, OfAnyPartitionInAnyOrderIsTheWhole) {
  std::mt19937 random(2);
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::vector<float> values = sample(static_cast<int>(seed % 4), 400, seed);
    values.insert(values.end(), {std::nanf(""), kInfinity, -kInfinity, -0.0F, 0.0F, 1e-45F});
    const TensorStats whole = stats_of(values);
    std::ranges::shuffle(values, random);
    std::vector<TensorStats> parts;
    for (size_t begin = 0; begin < values.size();) {
      const size_t size = std::min<size_t>(random() % 100, values.size() - begin);
      parts.push_back(stats_of(std::span(values).subspan(begin, size)));
      begin += size;
    }
    std::ranges::shuffle(parts, random);
    TensorStats merged;
    for (const TensorStats& part : parts) {
      merged.merge(part);
    }
    ASSERT_EQ(merged, whole);
    ASSERT_EQ(std::bit_cast<uint32_t>(merged.min), std::bit_cast<uint32_t>(whole.min));
    ASSERT_EQ(std::bit_cast<uint32_t>(merged.max), std::bit_cast<uint32_t>(whole.max));
  }
}

TEST(TensorStatsMerge, AnEmptyPartDoesNotPullZeroIntoTheExtremes) {
  TensorStats stats = stats_of(std::vector<float>{2.0F, 3.0F});
  stats.merge(TensorStats());
  stats.merge(stats_of(std::vector<float>{std::nanf("")}));
  EXPECT_EQ(stats.min, 2.0F);
  EXPECT_EQ(stats.max, 3.0F);
  TensorStats other;
  other.merge(stats_of(std::vector<float>{2.0F, 3.0F}));
  EXPECT_EQ(other.min, 2.0F);
}

TEST(MagnitudeQuantile, LiesWithinABucketOfTheExactOne) {
  for (uint32_t seed = 0; seed < 12; ++seed) {
    const std::vector<float> values = sample(static_cast<int>(seed % 4), 3000, seed);
    const TensorStats stats = stats_of(values);
    for (const bool include_zeros : {true, false}) {
      for (const double p : {0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
        const double exact = exact_quantile(values, p, include_zeros);
        const double found = magnitude_quantile(stats, p, include_zeros);
        // The same bucket, which is 1/32 of its lower edge wide.
        EXPECT_NEAR(found, exact, exact / 32.0) << p << ' ' << seed;
        EXPECT_EQ(found == 0.0, exact == 0.0);
      }
    }
  }
}

TEST(MagnitudeQuantile, OfAllValuesIsTheExactMaximum) {
  const std::vector<float> values = {0.1F, -7.77F, 3.0F};
  EXPECT_EQ(magnitude_quantile(stats_of(values), 1.0, true), static_cast<double>(7.77F));
  EXPECT_EQ(magnitude_quantile(stats_of(values), 1.0, false), static_cast<double>(7.77F));
  const std::vector<float> largest = {std::numeric_limits<float>::max(), 1.0F};
  EXPECT_EQ(magnitude_quantile(stats_of(largest), 1.0, true),
            static_cast<double>(std::numeric_limits<float>::max()));
}

TEST(MagnitudeQuantile, NeverFallsWithP) {
  const TensorStats stats = stats_of(sample(3, 500, 1));
  double last = 0.0;
  for (int i = 1; i <= 1000; ++i) {
    const double found = magnitude_quantile(stats, i / 1000.0, true);
    ASSERT_GE(found, last) << i;
    last = found;
  }
}

TEST(MagnitudeQuantile, ZerosCountOnlyWhenAsked) {
  std::vector<float> values(99, 0.0F);
  values.push_back(4.0F);
  const TensorStats stats = stats_of(values);
  EXPECT_EQ(magnitude_quantile(stats, 0.99, true), 0.0);
  EXPECT_EQ(magnitude_quantile(stats, 0.99, false), 4.0);
  EXPECT_NEAR(magnitude_quantile(stats, 0.991, true), 4.0, 4.0 / 32.0);
}

TEST(MagnitudeQuantile, OfNothingIsZero) {
  EXPECT_EQ(magnitude_quantile(TensorStats(), 0.5, true), 0.0);
  EXPECT_EQ(magnitude_quantile(stats_of(std::vector<float>(9, 0.0F)), 1.0, false), 0.0);
}

TEST(OutlierRatio, KnownAnswers) {
  std::vector<float> values(990, 1.0F);
  values.insert(values.end(), 10, 50.0F);  // exactly 1 % above
  EXPECT_NEAR(outlier_ratio(stats_of(values)), 50.0, 50.0 / 32.0);
  values.insert(values.end(), 5000, 0.0F);  // zeros are left out
  EXPECT_NEAR(outlier_ratio(stats_of(values)), 50.0, 50.0 / 32.0);
  values.insert(values.end(), 10, -50.0F);  // more than 1 %: no outliers any more
  EXPECT_NEAR(outlier_ratio(stats_of(values)), 1.0, 1.0 / 32.0);
}

TEST(OutlierRatio, IsOneWhereThereIsNothingToCompare) {
  EXPECT_EQ(outlier_ratio(TensorStats()), 1.0);
  EXPECT_EQ(outlier_ratio(stats_of(std::vector<float>(4, 0.0F))), 1.0);
  EXPECT_EQ(outlier_ratio(stats_of(std::vector<float>{1e-45F, -1e-45F})), 1.0);
  EXPECT_EQ(outlier_ratio(stats_of(std::vector<float>(4, -3.0F))), 1.0);
  EXPECT_NEAR(outlier_ratio(stats_of(std::vector<float>(4, 3.05F))), 1.0, 0.001);
}

TEST(OutlierRatio, EqualsTheExactOneWithinABucket) {
  for (uint32_t seed = 0; seed < 12; ++seed) {
    const std::vector<float> values = sample(static_cast<int>(seed % 4), 5000, seed);
    const double exact = exact_quantile(values, 1.0, false) / exact_quantile(values, 0.99, false);
    EXPECT_NEAR(outlier_ratio(stats_of(values)), exact, exact / 32.0) << seed;
    // A scale of the unit changes nothing: a power of two moves whole octaves of buckets.
    std::vector<float> scaled = values;
    std::ranges::transform(scaled, scaled.begin(), [](float v) { return v * 0x1p-20F; });
    EXPECT_DOUBLE_EQ(outlier_ratio(stats_of(scaled)), outlier_ratio(stats_of(values)));
  }
}

TEST(Clamped, EqualsTheStatisticsOfClampedValuesButForOneBucket) {
  for (const int kind : {0, 1, 2, 3}) {
    const std::vector<float> values = sample(kind, 5000, 12);
    for (const auto& [lo, hi] : {std::pair{-1.0F, 2.0F}, std::pair{-0.25F, kInfinity},
                                 std::pair{0.0F, 0.5F}, std::pair{-100.0F, 100.0F}}) {
      std::vector<float> moved = values;
      for (float& value : moved) {
        value = std::clamp(value, lo, hi);
      }
      const TensorStats expected = stats_of(moved);
      const TensorStats got = clamped(stats_of(values), lo, hi);
      EXPECT_EQ(got.count, expected.count);
      EXPECT_EQ(got.min, expected.min);
      EXPECT_EQ(got.max, expected.max);
      EXPECT_EQ(got.histogram.total(), expected.histogram.total());
      EXPECT_EQ(got.histogram, expected.histogram) << kind << " [" << lo << ", " << hi << "]";
    }
  }
}

TEST(MeanRatio, IsThatOfTheValuesWithinABucket) {
  for (const int kind : {0, 1, 3}) {
    for (const float offset : {0.0F, 2.0F, -50.0F}) {
      std::vector<float> values = sample(kind, 20000, 11);
      double sum = 0.0;
      double squares = 0.0;
      for (float& value : values) {
        value += offset;
        sum += value;
        squares += static_cast<double>(value) * value;
      }
      const double mean = sum / 20000.0;
      const double expected = mean * mean / (squares / 20000.0 - mean * mean);
      EXPECT_NEAR(mean_ratio(stats_of(values)), expected, 0.05 * expected + 0.01)
          << kind << " " << offset;
    }
  }
}

TEST(MeanRatio, OfConstantAndEmptyTensors) {
  EXPECT_EQ(mean_ratio(stats_of({})), 0.0);
  EXPECT_EQ(mean_ratio(stats_of(std::vector<float>(5, 0.0F))), 0.0);
  EXPECT_GT(mean_ratio(stats_of(std::vector<float>(5, 3.0F))), 100.0);
}

}  // namespace
}  // namespace ptq
