#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "ptq/error.h"
#include "range/estimators.h"
#include "samples.h"

namespace ptq {
namespace {

using testing::Kind;

RangeOptions options_for(double percentile, bool symmetric = false) {
  return {.scheme = {.dtype = symmetric ? DType::kInt8 : DType::kUint8, .symmetric = symmetric},
          .percentile = percentile};
}

// The smallest |x| with at least the share p of all values at or below it.
double exact_percentile(std::vector<float> values, double p) {
  std::transform(values.begin(), values.end(), values.begin(), [](float v) { return std::abs(v); });
  const auto rank = static_cast<size_t>(std::ceil(p * static_cast<double>(values.size()))) - 1;
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(rank), values.end());
  return static_cast<double>(values[rank]);
}

TEST(PercentileRange, AgreesWithNthElementToABucket) {
  for (const Kind kind :
       {Kind::kGaussian, Kind::kLaplace, Kind::kStudent3, Kind::kReluGaussian, Kind::kOutliers20}) {
    const std::vector<float> values = testing::sample(kind, 200000);
    const TensorStats stats = stats_of(values);
    for (const double percentile : {60.0, 90.0, 99.0, 99.9, 99.99, 99.999}) {
      const Range range = estimate_percentile(stats, options_for(percentile, true));
      const double exact = exact_percentile(values, percentile / 100.0);
      // A bucket is 1/32 of its lower edge wide.
      EXPECT_NEAR(static_cast<double>(range.hi), exact, exact / 32.0)
          << kind_name(kind) << " p" << percentile;
      EXPECT_EQ(range.lo, -range.hi);
    }
  }
}

TEST(PercentileRange, ClipsOnlyTheTails) {
  const std::vector<float> values = testing::sample(Kind::kLaplace, 200000);
  const Range range = estimate_percentile(stats_of(values), options_for(99.9));
  const auto clipped = std::count_if(values.begin(), values.end(),
                                     [&](float v) { return v < range.lo || v > range.hi; });
  // 200 of 200000 are asked for; the rank inside a bucket is interpolated.
  EXPECT_NEAR(static_cast<double>(clipped), 200.0, 20.0);
  EXPECT_NEAR(range.clipped_fraction, 1e-3, 1e-4);
}

TEST(PercentileRange, LeavesAShortSideAlone) {
  std::vector<float> values = testing::sample(Kind::kReluGaussian, 100000);
  values.push_back(-0.125F);
  const Range range = estimate_percentile(stats_of(values), options_for(99.0));
  EXPECT_EQ(range.lo, -0.125F);
  EXPECT_LT(range.hi, 3.0F);
}

TEST(PercentileRange, HundredIsTheFullRange) {
  const TensorStats stats = stats_of(testing::sample(Kind::kShifted, 10000));
  const Range range = estimate_percentile(stats, options_for(100.0));
  EXPECT_EQ(range.lo, stats.min);
  EXPECT_EQ(range.hi, stats.max);
  EXPECT_EQ(range.clipped_fraction, 0.0);
}

TEST(PercentileRange, KeepsASparseTensorWhole) {
  std::vector<float> values(100000, 0.0F);
  values[7] = 2.0F;
  const Range range = estimate_percentile(stats_of(values), options_for(99.0));
  EXPECT_EQ(range.hi, 2.0F);
}

TEST(PercentileRange, RefusesAPercentileOutsideItsDomain) {
  for (const double percentile : {0.0, -1.0, 100.5, std::nan("")}) {
    EXPECT_THROW(estimate_percentile(TensorStats{}, options_for(percentile)), Error);
  }
}

}  // namespace
}  // namespace ptq
