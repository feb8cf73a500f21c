#include <algorithm>
#include <cmath>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coverage/pools.h"
#include "ptq/calibration_set.h"

namespace ptq {
namespace {

using ::testing::HasSubstr;
using testing::sample_sketch;
using testing::value_sketch;

// All subsets of m of six values, counted.
TEST(ExpectedMaximum, IsThatOfAllDraws) {
  const std::vector<double> values = {-1.0, 0.5, 2.0, 2.0, 7.0, 11.0};
  for (int m = 1; m <= 6; ++m) {
    double sum = 0.0;
    int draws = 0;
    for (unsigned set = 1; set < 64; ++set) {
      if (__builtin_popcount(set) == m) {
        double largest = -100.0;
        for (unsigned i = 0; i < 6; ++i) {
          largest = (set >> i & 1U) != 0 ? std::max(largest, values[i]) : largest;
        }
        sum += largest;
        ++draws;
      }
    }
    EXPECT_NEAR(expected_maximum(values, static_cast<size_t>(m)), sum / draws, 1e-12) << m;
  }
}

SampleSketches pool_of(size_t samples, const std::function<double(size_t)>& maximum) {
  SampleSketches pool{.names = {"x"}};
  for (size_t i = 0; i < samples; ++i) {
    pool.samples.push_back(sample_sketch(i, {value_sketch(0.0F, static_cast<float>(maximum(i)))}));
  }
  return pool;
}

TensorConvergence judged(const SampleSketches& pool) {
  return judge_calibration({}, pool, {}).convergence.at(0);
}

// Quantiles of a distribution as samples: what the next doubling adds is known.
TEST(JudgeCalibration, GrowthIsThatOfKnownTails) {
  const auto p = [](size_t i) { return (static_cast<double>(i) + 0.5) / 256.0; };
  // Exponential maxima: ln 2 more at each doubling, of about ln 256 + 0.58.
  const TensorConvergence light =
      judged(pool_of(256, [&](size_t i) { return -std::log(1.0 - p(i)); }));
  EXPECT_NEAR(light.growth, std::log(2.0) / std::log(512.0), 0.02);
  EXPECT_NE(light.more, 0U);
  // Bounded maxima: 1 / 512 of the range is left.
  const TensorConvergence bounded = judged(pool_of(256, [&](size_t i) { return 1.0 + p(i); }));
  EXPECT_LT(bounded.growth, 0.005);
  EXPECT_EQ(bounded.more, 0U);
  // Pareto with index 1: the maximum doubles.
  const TensorConvergence heavy =
      judged(pool_of(256, [&](size_t i) { return 1.0 / (1.0 - p(i)); }));
  EXPECT_GT(heavy.growth, 0.5);
  EXPECT_FALSE(heavy.more.has_value());
}

TEST(JudgeCalibration, EqualSamplesAreEnoughAndFewSayNothing) {
  EXPECT_EQ(judged(pool_of(64, [](size_t /*i*/) { return 3.0; })).growth, 0.0);
  EXPECT_EQ(judged(pool_of(64, [](size_t /*i*/) { return 0.0; })).more, 0U);
  const TensorConvergence few = judged(pool_of(9, [](size_t /*i*/) { return 3.0; }));
  EXPECT_EQ(few.more, kLeastSamples - 9U);
  EXPECT_TRUE(judge_calibration({}, {}, {}).convergence.empty());
}

// What the estimator clips on purpose moves nothing.
TEST(JudgeCalibration, LooksOnlyWithinTheRange) {
  const SampleSketches pool =
      pool_of(64, [](size_t i) { return 64.0 / (64.0 - static_cast<double>(i)); });
  EXPECT_GT(judge_calibration({}, pool, {}).convergence.at(0).growth, 0.2);
  EXPECT_EQ(judge_calibration({}, pool, {{"x", {0.0F, 1.0F}}}).convergence.at(0).growth, 0.0);
}

TEST(JudgeCalibration, HalvesDifferWhereSamplesDo) {
  SampleSketches pool = pool_of(32, [](size_t /*i*/) { return 1.0; });
  EXPECT_EQ(judged(pool).halves, 0.0);
  for (size_t i = 0; i < 32; i += 2) {  // the test's hashes ascend with the position
    pool.samples[i].values[0].octaves = {25, 75};
  }
  EXPECT_NEAR(judged(pool).halves, 0.75, 1e-12);
}

ActivationStats with_strata(const std::vector<std::pair<std::string, float>>& maxima) {
  ActivationStats stats;
  stats.tensors["x"] = stats_of(std::vector<float>{1.0F});
  for (const auto& [name, max] : maxima) {
    stats.strata[name] = {4, {{"x", {-0.1F, max}}}};
  }
  return stats;
}

std::vector<std::string> codes(const ActivationStats& stats) {
  std::vector<std::string> out;
  for (const CoverageGap& finding : judge_calibration(stats, {}, {}).findings) {
    out.push_back(finding.code);
  }
  return out;
}

TEST(JudgeCalibration, NamesStrataThatStandAlone) {
  EXPECT_TRUE(codes(with_strata({{"", 9.0F}})).empty());
  EXPECT_TRUE(codes(with_strata({{"a", 1.0F}, {"b", 1.4F}, {"c", 0.9F}})).empty());
  EXPECT_THAT(codes(with_strata({{"a", 1.0F}, {"b", 1.6F}, {"c", 0.9F}})),
              ::testing::ElementsAre("PTQ-V201"));
  EXPECT_THAT(codes(with_strata({{"a", 1.0F}, {"b", 1.2F}, {"c", 0.4F}})),
              ::testing::ElementsAre("PTQ-V202"));
  const auto findings =
      judge_calibration(with_strata({{"day", 1.0F}, {"night", 4.0F}}), {}, {}).findings;
  EXPECT_THAT(findings.at(0).message, HasSubstr("stratum 'night' reaches 4"));
}

TEST(JudgeCalibration, CountsDuplicates) {
  ActivationStats stats;
  stats.sample_hashes.resize(3);
  stats.sample_hashes[2][0] = std::byte{1};
  const CalibrationSet set = judge_calibration(stats, {}, {});
  EXPECT_EQ(set.duplicates, 1U);
  EXPECT_EQ(set.findings.at(0).code, "PTQ-V302");
}

}  // namespace
}  // namespace ptq
