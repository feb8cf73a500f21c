#include "report/compact_histogram.h"

#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace ptq {
namespace {

uint64_t sum(const std::vector<uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

TEST(CompactHistogram, HasTheCountsOfTheValuesToWithinABucket) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0.5F, 2.0F);
  std::vector<float> values(200000);
  for (float& value : values) {
    value = normal(random);
  }
  const TensorStats stats = stats_of(values);
  const CompactHistogram histogram = compact_histogram(stats, 20);
  ASSERT_EQ(histogram.counts.size(), 20U);
  EXPECT_EQ(histogram.min, stats.min);
  EXPECT_EQ(histogram.max, stats.max);
  EXPECT_EQ(sum(histogram.counts), values.size());
  const double width = (static_cast<double>(stats.max) - static_cast<double>(stats.min)) / 20.0;
  for (size_t i = 0; i < 20; ++i) {
    // A bucket is 3 % of the value wide: what an edge may misplace is at most the values within it.
    const double from = static_cast<double>(stats.min) + width * static_cast<double>(i);
    uint64_t exact = 0;
    uint64_t near = 0;
    for (const float value : values) {
      const auto x = static_cast<double>(value);
      exact += x >= from && x < from + width ? 1U : 0U;
      near += std::abs(x - from) < 0.032 * std::abs(from) + 1e-6 ||
                      std::abs(x - from - width) < 0.032 * std::abs(from + width) + 1e-6
                  ? 1U
                  : 0U;
    }
    EXPECT_NEAR(static_cast<double>(histogram.counts[i]), static_cast<double>(exact),
                static_cast<double>(near) + 1.0)
        << i;
  }
}

TEST(CompactHistogram, KeepsTheZerosOfARectifiedTensorInTheFirstBin) {
  std::vector<float> values(1000, 0.0F);
  values.push_back(8.0F);
  const CompactHistogram histogram = compact_histogram(stats_of(values), 8);
  EXPECT_EQ(histogram.counts, (std::vector<uint64_t>{1000, 0, 0, 0, 0, 0, 0, 1}));
}

TEST(CompactHistogram, ATensorOfOneValueHasOneBinAndAnEmptyOneNone) {
  EXPECT_EQ(compact_histogram(stats_of(std::vector<float>(5, 2.5F))).counts,
            std::vector<uint64_t>{5});
  EXPECT_TRUE(compact_histogram(TensorStats()).counts.empty());
}

TEST(CompactHistogram, TheWidestRangeOfFloatsLosesNoCount) {
  const std::vector<float> values = {-3.4e38F, 3.4e38F, 1e-45F, 0.0F, 1.0F};
  EXPECT_EQ(sum(compact_histogram(stats_of(values)).counts), values.size());
}

}  // namespace
}  // namespace ptq
