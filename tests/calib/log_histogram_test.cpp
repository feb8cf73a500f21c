#include "ptq/log_histogram.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<float> wide_values(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> exponent(-30.0F, 30.0F);
  std::vector<float> values(size);
  for (float& value : values) {
    value = std::exp2(exponent(random)) * (random() % 2 == 0 ? 1.0F : -1.0F);
  }
  return values;
}

TEST(LogHistogram, KeysOfKnownNumbers) {
  EXPECT_EQ(LogHistogram::magnitude_key(0.0F), 0U);
  EXPECT_EQ(LogHistogram::magnitude_key(-0.0F), 0U);
  EXPECT_EQ(LogHistogram::magnitude_key(1.0F), 127U * 32);
  EXPECT_EQ(LogHistogram::magnitude_key(-1.0F), 127U * 32);
  EXPECT_EQ(LogHistogram::magnitude_key(2.0F), 128U * 32);
  EXPECT_EQ(LogHistogram::magnitude_key(1.5F), 127U * 32 + 16);
  EXPECT_EQ(LogHistogram::magnitude_key(kInf), LogHistogram::kNonFiniteKey);
}

TEST(LogHistogram, EveryValueLiesInItsBucketOfAThirtySecondOctave) {
  for (const float value : wide_values(10000, 1)) {
    const uint32_t key = LogHistogram::magnitude_key(value);
    EXPECT_LE(LogHistogram::lower_edge(key), std::abs(value));
    EXPECT_GT(LogHistogram::lower_edge(key + 1), std::abs(value));
    EXPECT_LE(LogHistogram::lower_edge(key + 1) / LogHistogram::lower_edge(key), 1.0F + 1.0F / 32);
  }
}

TEST(LogHistogram, CountsEachFiniteValueOnce) {
  std::vector<float> values = wide_values(5000, 2);
  values.insert(values.end(), {0.0F, -0.0F, kInf, -kInf, std::nanf("")});
  LogHistogram histogram;
  histogram.add_values(values);
  EXPECT_EQ(histogram.total(), 5002U);
  EXPECT_EQ(histogram.zeros(), 2U);
  for (const float probe : {values[0], values[17], values[4999]}) {
    uint64_t expected = 0;
    for (const float value : values) {
      expected += std::isfinite(value) && std::signbit(value) == std::signbit(probe) &&
                          LogHistogram::magnitude_key(value) == LogHistogram::magnitude_key(probe)
                      ? 1U
                      : 0U;
    }
    EXPECT_EQ(histogram.count(LogHistogram::magnitude_key(probe), std::signbit(probe)), expected);
  }
}

TEST(LogHistogram, MergeOfAnySplitInAnyOrderIsTheWhole) {
  const std::vector<float> values = wide_values(3000, 3);
  LogHistogram whole;
  whole.add_values(values);
  for (const size_t cut : {0, 1, 1500, 2999, 3000}) {
    LogHistogram first;
    LogHistogram second;
    first.add_values(std::span(values).first(cut));
    second.add_values(std::span(values).subspan(cut));
    LogHistogram merged = first;
    merged.merge(second);
    second.merge(first);
    EXPECT_EQ(merged, whole);
    EXPECT_EQ(second, whole);
  }
}

TEST(LogHistogram, WindowsBeginAndEndWithACount) {
  LogHistogram histogram;
  histogram.add(4000, false, 2);
  histogram.add(100, false, 0);
  histogram.add(4100, false, 1);
  histogram.add(3990, false, 5);
  EXPECT_EQ(histogram.positive().first_key, 3990U);
  EXPECT_EQ(histogram.positive().counts.size(), 111U);
  EXPECT_EQ(histogram.positive().counts.front(), 5U);
  EXPECT_EQ(histogram.positive().counts.back(), 1U);
  EXPECT_TRUE(histogram.negative().counts.empty());
}

TEST(LogHistogram, RefusesAKeyThatIsNotFinite) {
  LogHistogram histogram;
  EXPECT_THROW(histogram.add(LogHistogram::kNonFiniteKey, false, 1), Error);
}

TEST(LogHistogram, BucketsAscendAndAreCutToTheExtremes) {
  const std::vector<float> values = {-3.1F, -0.2F, 0.0F, 0.0F, 0.7F, 5.3F};
  LogHistogram histogram;
  histogram.add_values(values);
  const auto buckets = histogram.buckets(-3.1F, 5.3F);
  ASSERT_EQ(buckets.size(), 5U);
  EXPECT_EQ(buckets.front().lo, static_cast<double>(-3.1F));
  EXPECT_EQ(buckets.back().hi, static_cast<double>(5.3F));
  EXPECT_EQ(buckets[2].lo, 0.0);
  EXPECT_EQ(buckets[2].hi, 0.0);
  EXPECT_EQ(buckets[2].count, 2U);
  for (size_t i = 1; i < buckets.size(); ++i) {
    EXPECT_LE(buckets[i - 1].hi, buckets[i].lo);
    EXPECT_LE(buckets[i].lo, buckets[i].hi);
  }
}

}  // namespace
}  // namespace ptq
