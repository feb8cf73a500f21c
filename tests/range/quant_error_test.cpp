#include "range/quant_error.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "ptq/error.h"
#include "samples.h"

namespace ptq {
namespace {

using testing::Kind;

// ∫ (x − Q(x))² over [lo, hi] with `count` values, by the midpoint rule.
double numeric_error(double lo, double hi, double count, double scale, int codes) {
  constexpr int kPoints = 200000;
  double sum = 0.0;
  for (int i = 0; i < kPoints; ++i) {
    const double x = lo + (hi - lo) * (i + 0.5) / kPoints;
    const double code = std::min(std::nearbyint(x / scale), static_cast<double>(codes));
    sum += (x - scale * code) * (x - scale * code);
  }
  return sum * count / kPoints;
}

SideError one_bucket(double lo, double hi, double count) {
  SideError side;
  side.append(lo, hi, count);
  side.finish();
  return side;
}

TEST(SideError, IntegratesABucketExactly) {
  struct {
    double lo, hi, scale;
    int codes;
  } const cases[] = {
      {0.10, 0.20, 1.0, 10},     // rounds to 0
      {0.40, 0.60, 1.0, 10},     // straddles one rounding boundary
      {1.10, 1.30, 1.0, 10},     // inside one cell
      {2.00, 9.37, 1.0, 10},     // many cells
      {8.00, 16.0, 1.0, 10},     // partly clipped
      {10.0, 11.0, 1.0, 10},     // clipped from its lower edge on
      {20.0, 21.0, 1.0, 10},     // wholly clipped
      {0.30, 900.0, 0.01, 255},  // much wider than a step and clipped
      {0.30, 0.40, 0.7, 1},
  };
  for (const auto& c : cases) {
    const double exact = numeric_error(c.lo, c.hi, 5.0, c.scale, c.codes);
    EXPECT_NEAR(one_bucket(c.lo, c.hi, 5.0).error(c.scale, c.codes), exact, 1e-6 * exact)
        << c.lo << " … " << c.hi;
  }
}

TEST(SideError, TakesAPointMassAtItsValue) {
  EXPECT_NEAR(one_bucket(1.2, 1.2, 3.0).error(1.0, 10), 3.0 * 0.04, 1e-12);
  EXPECT_NEAR(one_bucket(12.0, 12.0, 3.0).error(1.0, 10), 3.0 * 4.0, 1e-12);
  EXPECT_EQ(one_bucket(4.0, 4.0, 3.0).error(1.0, 10), 0.0);
  EXPECT_EQ(one_bucket(4.0, 4.0, 3.0).count_above(4.0), 0.0);
  EXPECT_EQ(one_bucket(4.0, 4.0, 3.0).count_above(3.9), 3.0);
}

TEST(SideError, LosesNoDigitsInAHairlineBucket) {
  // Two neighbouring floats are the narrowest that [min, max] can leave of a bucket.
  const double inside = one_bucket(1.2F, std::nextafter(1.2F, 2.0F), 1.0).error(1.0, 10);
  EXPECT_NEAR(inside, 0.04, 1e-7);
  const double across =
      one_bucket(std::nextafter(1.5F, 1.0F), std::nextafter(1.5F, 2.0F), 1.0).error(1.0, 10);
  EXPECT_NEAR(across, 0.25, 1e-7);
}

TEST(SideError, WithoutCodesLosesEverything) {
  const SideError side = one_bucket(1.0, 2.0, 6.0);
  EXPECT_NEAR(side.error(0.1, 0), 6.0 * 7.0 / 3.0, 1e-12);
  EXPECT_NEAR(side.error(0.1, 0), side.clip_error(0.0), 1e-12);
}

TEST(SideError, ClipErrorIsThatOfAnInfinitelyFineGrid) {
  SideError side;
  side.append(0.0, 1.0, 100.0);
  side.append(1.0, 2.0, 20.0);
  side.append(3.0, 3.0, 2.0);
  side.finish();
  for (const double limit : {0.25, 1.0, 1.7, 2.5, 3.0, 4.0}) {
    constexpr int kCodes = 1 << 24;
    EXPECT_NEAR(side.clip_error(limit), side.error(limit / kCodes, kCodes), 1e-9) << limit;
  }
  EXPECT_NEAR(side.count_above(1.5), 12.0, 1e-12);
}

TEST(PredictedSqnr, MatchesTheRawNumbersForAnyRange) {
  for (const Kind kind :
       {Kind::kGaussian, Kind::kLaplace, Kind::kStudent3, Kind::kReluGaussian, Kind::kRelu6,
        Kind::kNegativeOnly, Kind::kShifted, Kind::kOutliers20, Kind::kOutliers300}) {
    const std::vector<float> values = testing::sample(kind, 200000);
    const TensorStats stats = stats_of(values);
    for (const QuantScheme& scheme :
         {QuantScheme{.dtype = DType::kUint8},
          QuantScheme{.dtype = DType::kInt8, .symmetric = true},
          QuantScheme{.dtype = DType::kUint8, .symmetric = true, .code_limit = 63},
          QuantScheme{.dtype = DType::kInt4}, QuantScheme{.dtype = DType::kUint16}}) {
      for (const float share : {1.0F, 0.6F, 0.25F}) {
        const QuantParams params = params_for_range(share * std::min(stats.min, 0.0F),
                                                    share * std::max(stats.max, 0.0F), scheme);
        EXPECT_NEAR(predicted_sqnr_db(stats, params, scheme),
                    testing::true_sqnr_db(values, params, scheme), 0.1)
            << kind_name(kind) << " " << dtype_name(scheme.dtype) << " share " << share;
      }
    }
  }
}

TEST(PredictedSqnr, KnowsASpikeAtTheExtreme) {
  // Half of the values at 5.9, inside the bucket [5.875, 6): a code when the range ends there, one
  // clipped by two steps when it ends a little below.
  std::vector<float> values = testing::sample(Kind::kReluGaussian, 50000);
  values.resize(100000, 5.9F);
  const TensorStats stats = stats_of(values);
  const QuantScheme scheme{.dtype = DType::kUint8};
  for (const float hi : {5.9F, 5.88F, 5.85F}) {
    const QuantParams params = params_for_range(0.0F, hi, scheme);
    EXPECT_NEAR(predicted_sqnr_db(stats, params, scheme),
                testing::true_sqnr_db(values, params, scheme), 0.1)
        << hi;
  }
}

TEST(PredictedSqnr, IsInfiniteWithoutError) {
  const QuantScheme scheme{.dtype = DType::kUint8};
  const QuantParams params = params_for_range(0.0F, 0.0F, scheme);
  EXPECT_EQ(predicted_sqnr_db(stats_of(std::vector<float>(100, 0.0F)), params, scheme),
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(predicted_sqnr_db(TensorStats{}, params, scheme),
            std::numeric_limits<double>::infinity());
}

TEST(PredictedSqnr, RefusesParametersPerAxis) {
  const QuantScheme scheme{.dtype = DType::kInt8, .symmetric = true};
  const QuantParams per_axis{DType::kInt8, 0, {1.0F, 2.0F}, {0, 0}};
  EXPECT_THROW(predicted_sqnr_db(TensorStats{}, per_axis, scheme), Error);
}

}  // namespace
}  // namespace ptq
