#include "plan/saturation_fit.h"

#include <random>

#include <gtest/gtest.h>

namespace ptq {
namespace {

constexpr QuantScheme kUint8 = {.dtype = DType::kUint8};

TEST(SaturationFit, ClipSixHoldsAfterRounding) {
  // 6 / 255 in float32 times 255 is above 6: the runtime would keep such a Clip, and Conv in float.
  QuantParams params = params_for_range(0.0F, 6.0F, kUint8);
  const SaturationBounds bounds = {.lo = 0.0F, .hi = 6.0F};
  fit_to_saturation(bounds, kUint8, params);
  EXPECT_TRUE(fits_saturation(bounds, kUint8, params));
  EXPECT_NEAR(params.scale[0], 6.0F / 255.0F, 1e-8);
  EXPECT_EQ(params.zero_point[0], 0);
}

TEST(SaturationFit, HoldsForRandomBoundsAndRanges) {
  std::mt19937 generator(7);
  std::uniform_real_distribution<float> bound(0.0F, 10.0F);
  for (int i = 0; i < 20000; ++i) {
    const SaturationBounds bounds = {.lo = i % 3 == 0 ? 0.0F : -bound(generator),
                                     .hi = i % 5 == 0 ? 0.0F : bound(generator)};
    QuantParams params = params_for_range(std::max(bounds.lo, -bound(generator)),
                                          std::min(bounds.hi, bound(generator)), kUint8);
    const float before = params.scale[0];
    fit_to_saturation(bounds, kUint8, params);
    if (bounds.lo == 0.0F && bounds.hi == 0.0F) {
      continue;  // nothing but 0 is left; no scale can miss it
    }
    ASSERT_TRUE(fits_saturation(bounds, kUint8, params)) << bounds.lo << " " << bounds.hi;
    ASSERT_GT(params.scale[0], 0.0F);
    ASSERT_LE(params.scale[0], before);
  }
}

TEST(SaturationFit, UnboundedChangesNothing) {
  QuantParams params = params_for_range(-1.5F, 2.0F, kUint8);
  const QuantParams before = params;
  fit_to_saturation({}, kUint8, params);
  EXPECT_EQ(params, before);
}

TEST(SaturationFit, NegativeRangeDoesNotFitRelu) {
  const QuantParams params = params_for_range(-1.0F, 2.0F, kUint8);
  EXPECT_FALSE(fits_saturation({.lo = 0.0F}, kUint8, params));
}

}  // namespace
}  // namespace ptq
