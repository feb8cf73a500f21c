// What holds for every estimator and every tensor.

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "ptq/range.h"
#include "samples.h"

namespace ptq {
namespace {

using testing::Kind;

std::vector<QuantScheme> schemes() {
  return {{.dtype = DType::kUint8},
          {.dtype = DType::kInt8},
          {.dtype = DType::kInt8, .symmetric = true},
          {.dtype = DType::kInt8, .symmetric = true, .narrow_range = true},
          {.dtype = DType::kUint8, .symmetric = true},
          {.dtype = DType::kInt8, .symmetric = true, .code_limit = 64},
          {.dtype = DType::kUint4},
          {.dtype = DType::kInt4, .symmetric = true},
          {.dtype = DType::kUint16}};
}

void expect_sane(const Range& range, const TensorStats& stats, const std::string& where) {
  EXPECT_TRUE(std::isfinite(range.lo) && std::isfinite(range.hi)) << where;
  EXPECT_LE(range.lo, 0.0F) << where;
  EXPECT_GE(range.hi, 0.0F) << where;
  EXPECT_FALSE(std::isnan(range.sqnr_db)) << where;
  EXPECT_GT(range.sqnr_db, -1.0) << where;
  EXPECT_GE(range.clipped_fraction, 0.0) << where;
  EXPECT_LE(range.clipped_fraction, 1.0) << where;
  if (stats.max > stats.min) {
    EXPECT_LT(range.lo, range.hi) << where;
  }
}

std::vector<std::pair<std::string, std::vector<float>>> odd_tensors() {
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr float kDenormal = std::numeric_limits<float>::denorm_min();
  return {{"empty", {}},
          {"one zero", {0.0F}},
          {"zeros", std::vector<float>(1000, 0.0F)},
          {"one value", {3.7F}},
          {"constant", std::vector<float>(1000, 3.7F)},
          {"negative constant", std::vector<float>(1000, -3.7F)},
          {"zero and one", {0.0F, 1.0F, 1.0F, 0.0F}},
          {"mask", {0.0F, 0.0F, 0.0F, -10000.0F}},
          {"lowest mask", {0.0F, 0.25F, -kMax, -kMax}},
          {"whole float range", {-kMax, kMax, 1.0F, 0.0F}},
          {"denormal", {kDenormal, -kDenormal, 0.0F}},
          {"small denormals", {1e-39F, -2e-39F, 4e-40F}},
          {"tiny", {1e-37F, -2e-37F, 3e-36F, 0.0F}},
          {"only NaN", {std::nanf(""), std::numeric_limits<float>::infinity()}},
          {"neighbours", {1.0F, std::nextafter(1.0F, 2.0F)}},
          {"wide apart", {1e-30F, 1e30F, -1e-20F}}};
}

TEST(EveryEstimator, GivesAFiniteRangeAroundZeroForOddTensors) {
  for (const auto& [name, values] : odd_tensors()) {
    const TensorStats stats = stats_of(values);
    for (const QuantScheme& scheme : schemes()) {
      for (const RangeEstimator& estimator : range_estimators()) {
        const Range range = estimator.estimate(stats, {.scheme = scheme});
        const std::string where =
            name + " " + std::string(estimator.name) + " " + std::string(dtype_name(scheme.dtype));
        expect_sane(range, stats, where);
        const QuantParams params = params_for_range(range.lo, range.hi, scheme);
        EXPECT_TRUE(std::isnormal(params.scale[0])) << where;
      }
      EXPECT_GE(range_estimator("mse").estimate(stats, {.scheme = scheme}).sqnr_db,
                range_estimator("absmax").estimate(stats, {.scheme = scheme}).sqnr_db)
          << name;
    }
  }
}

TEST(EveryEstimator, GivesAFiniteRangeForEveryDistribution) {
  for (const Kind kind : {Kind::kGaussian, Kind::kStudent3, Kind::kRelu6, Kind::kNegativeOnly,
                          Kind::kShifted, Kind::kOutliers20, Kind::kOutliers300}) {
    const TensorStats stats = stats_of(testing::sample(kind, 20000));
    for (const QuantScheme& scheme : schemes()) {
      for (const RangeEstimator& estimator : range_estimators()) {
        expect_sane(estimator.estimate(stats, {.scheme = scheme}), stats,
                    std::string(kind_name(kind)) + " " + std::string(estimator.name));
      }
    }
  }
}

TEST(EveryEstimator, ScalesWithPowersOfTwoExactly) {
  for (const Kind kind : {Kind::kGaussian, Kind::kRelu6, Kind::kShifted, Kind::kOutliers20}) {
    const std::vector<float> values = testing::sample(kind, 20000);
    for (const int exponent : {-20, 3, 40}) {
      std::vector<float> scaled = values;
      for (float& v : scaled) {
        v = std::ldexp(v, exponent);
      }
      for (const QuantScheme& scheme : schemes()) {
        for (const RangeEstimator& estimator : range_estimators()) {
          const Range a = estimator.estimate(stats_of(values), {.scheme = scheme});
          const Range b = estimator.estimate(stats_of(scaled), {.scheme = scheme});
          EXPECT_EQ(std::ldexp(a.lo, exponent), b.lo) << estimator.name << kind_name(kind);
          EXPECT_EQ(std::ldexp(a.hi, exponent), b.hi) << estimator.name << kind_name(kind);
          EXPECT_EQ(a.sqnr_db, b.sqnr_db) << estimator.name << kind_name(kind);
        }
      }
    }
  }
}

TEST(EveryEstimator, MirrorsWithTheDataForASymmetricScheme) {
  const QuantScheme scheme{.dtype = DType::kInt8, .symmetric = true, .narrow_range = true};
  std::vector<float> values = testing::sample(Kind::kShifted, 20000);
  const TensorStats stats = stats_of(values);
  for (float& v : values) {
    v = -v;
  }
  const TensorStats mirrored = stats_of(values);
  for (const RangeEstimator& estimator : range_estimators()) {
    EXPECT_EQ(estimator.estimate(stats, {.scheme = scheme}).hi,
              estimator.estimate(mirrored, {.scheme = scheme}).hi)
        << estimator.name;
  }
}

TEST(EveryEstimator, DoesNotSeeHowTheDataWereSplit) {
  const std::vector<float> values = testing::sample(Kind::kStudent5, 30000);
  const TensorStats whole = stats_of(values);
  const std::span<const float> all(values);
  TensorStats merged = stats_of(all.subspan(20000));
  merged.merge(stats_of(all.subspan(0, 7)));
  merged.merge(stats_of(all.subspan(7, 19993)));
  for (const RangeEstimator& estimator : range_estimators()) {
    const RangeOptions options{.scheme = {.dtype = DType::kUint8}};
    const Range a = estimator.estimate(whole, options);
    const Range b = estimator.estimate(merged, options);
    EXPECT_EQ(a.lo, b.lo) << estimator.name;
    EXPECT_EQ(a.hi, b.hi) << estimator.name;
    EXPECT_EQ(a.sqnr_db, b.sqnr_db) << estimator.name;
  }
}

TEST(EveryEstimator, IsNeverPredictedBetterThanMse) {
  for (const Kind kind :
       {Kind::kGaussian, Kind::kLaplace, Kind::kStudent3, Kind::kRelu6, Kind::kNegativeOnly,
        Kind::kShifted, Kind::kOutliers20, Kind::kOutliers300}) {
    const TensorStats stats = stats_of(testing::sample(kind, 100000));
    for (const QuantScheme& scheme : schemes()) {
      const double mse_db = range_estimator("mse").estimate(stats, {.scheme = scheme}).sqnr_db;
      for (const RangeEstimator& estimator : range_estimators()) {
        // Full range exactly; the rest up to the resolution of the search.
        const double slack_db = estimator.name == "absmax" ? 0.0 : 0.01;
        EXPECT_LE(estimator.estimate(stats, {.scheme = scheme}).sqnr_db, mse_db + slack_db)
            << estimator.name << " " << kind_name(kind) << " " << dtype_name(scheme.dtype);
      }
    }
  }
}

TEST(EveryEstimator, ReportsTheClippedShareOfTheRawValues) {
  const std::vector<float> values = testing::sample(Kind::kLaplace, 200000);
  const TensorStats stats = stats_of(values);
  for (const RangeEstimator& estimator : range_estimators()) {
    const Range range = estimator.estimate(stats, {.scheme = {.dtype = DType::kUint4}});
    const auto clipped = std::count_if(values.begin(), values.end(),
                                       [&](float v) { return v < range.lo || v > range.hi; });
    const double share = static_cast<double>(clipped) / static_cast<double>(values.size());
    EXPECT_NEAR(range.clipped_fraction, share, 0.02 * share + 1e-5) << estimator.name;
  }
}

}  // namespace
}  // namespace ptq
