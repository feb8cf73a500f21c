#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "range/estimators.h"
#include "samples.h"

namespace ptq {
namespace {

using testing::Kind;

struct Case {
  Kind kind;
  QuantScheme scheme;
  double tolerance_db;
  std::string scheme_name;
};

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  return std::string(kind_name(info.param.kind)) + info.param.scheme_name;
}

class MseRange : public ::testing::TestWithParam<Case> {};

// Both ends searched on a dense grid over the raw numbers against the range from the histogram,
// which is scored on the raw numbers too. What may be lost: the place of values inside 3 % wide
// buckets, and the luck of the best of some hundred candidates, each of which scatters by some
// 0.005 dB.
TEST_P(MseRange, IsAsGoodAsBruteForceOnTheRawNumbers) {
  const Case& c = GetParam();
  const bool one_end = c.scheme.symmetric || c.kind == Kind::kReluGaussian ||
                       c.kind == Kind::kRelu6 || c.kind == Kind::kNegativeOnly;
  const std::vector<float> values = testing::sample(c.kind, one_end ? 1000000 : 300000);
  const Range range = estimate_mse(stats_of(values), {.scheme = c.scheme});
  const QuantParams params = params_for_range(range.lo, range.hi, c.scheme);
  const double reached_db = testing::true_sqnr_db(values, params, c.scheme);
  const double least = c.kind == Kind::kOutliers300 ? 0.008 : 0.04;
  const testing::BruteForce best = testing::brute_force(values, c.scheme, least);
  EXPECT_GE(reached_db, best.sqnr_db - c.tolerance_db)
      << "range [" << range.lo << ", " << range.hi << "], brute force [" << best.lo << ", "
      << best.hi << "]";
  EXPECT_NEAR(range.sqnr_db, reached_db, 0.1);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Kind kind :
       {Kind::kGaussian, Kind::kLaplace, Kind::kStudent3, Kind::kStudent5, Kind::kReluGaussian,
        Kind::kRelu6, Kind::kNegativeOnly, Kind::kShifted, Kind::kOutliers20, Kind::kOutliers300}) {
    cases.push_back({kind, {.dtype = DType::kUint8}, 0.02, "Uint8"});
    cases.push_back({kind, {.dtype = DType::kInt8, .symmetric = true}, 0.02, "Int8Symmetric"});
    cases.push_back({kind, {.dtype = DType::kUint4}, 0.02, "Uint4"});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Distributions, MseRange, ::testing::ValuesIn(all_cases()), case_name);

TEST(MseRangeOptimum, IsTheTextbookClipOfKnownDensities) {
  // 8-bit symmetric optimum: 3.92 sigma for a Gaussian, 9.95 b for a Laplace density. The optimum
  // is flat, and the sample is finite.
  const RangeOptions options{.scheme = {.dtype = DType::kInt8, .symmetric = true}};
  const auto clip = [&](Kind kind) {
    return static_cast<double>(estimate_mse(stats_of(testing::sample(kind, 1000000)), options).hi);
  };
  EXPECT_NEAR(clip(Kind::kGaussian), 3.92, 0.08);
  EXPECT_NEAR(clip(Kind::kLaplace), 9.95, 0.3);
}

TEST(MseRangeOptimum, KeepsASpikeAtTheTop) {
  // 6.7 % of the values sit exactly at 6: cutting them off would cost more than any step.
  const Range range = estimate_mse(stats_of(testing::sample(Kind::kRelu6, 100000)),
                                   {.scheme = {.dtype = DType::kUint8}});
  EXPECT_NEAR(static_cast<double>(range.hi), 6.0, 6.0 / 255 / 4);
  EXPECT_EQ(range.lo, 0.0F);
}

TEST(MseRangeOptimum, KeepsASpikeInsideAWideBucket) {
  // The same at 5.9, which lies inside the bucket [5.875, 6).
  std::vector<float> values = testing::sample(Kind::kReluGaussian, 50000);
  values.resize(100000, 5.9F);
  const QuantScheme scheme{.dtype = DType::kUint8};
  const Range range = estimate_mse(stats_of(values), {.scheme = scheme});
  const double reached_db =
      testing::true_sqnr_db(values, params_for_range(range.lo, range.hi, scheme), scheme);
  EXPECT_GE(reached_db, testing::brute_force(values, scheme, 0.5).sqnr_db - 0.1);
}

TEST(MseRangeOptimum, OneSidedDataSpendNoCodeOnTheOtherSide) {
  const RangeOptions options{.scheme = {.dtype = DType::kUint8}};
  EXPECT_EQ(estimate_mse(stats_of(testing::sample(Kind::kReluGaussian, 10000)), options).lo, 0.0F);
  EXPECT_EQ(estimate_mse(stats_of(testing::sample(Kind::kNegativeOnly, 10000)), options).hi, 0.0F);
}

TEST(MseRangeOptimum, ReachesTheSqnrOfTheLaplaceDensity) {
  // Step 9.95/127: noise step²/12 + 2·exp(−9.95) = 6.07e-4 against a signal of 2. Values at equal
  // steps of the distribution function, as a random sample of this size scatters by 0.5 dB; that
  // they end at 14.5 spares 0.05 dB of clipping.
  std::vector<float> values;
  constexpr int kCount = 1000000;
  for (int i = 0; i < kCount; ++i) {
    const double x = -std::log((i + 0.5) / kCount);
    values.push_back(static_cast<float>(i % 2 == 0 ? x : -x));
  }
  const RangeOptions options{.scheme = {.dtype = DType::kInt8, .symmetric = true}};
  EXPECT_NEAR(estimate_mse(stats_of(values), options).sqnr_db, 35.23, 0.01);
}

}  // namespace
}  // namespace ptq
