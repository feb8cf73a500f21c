#include "plan/activation_params.h"

#include <cmath>

#include <gtest/gtest.h>

namespace ptq {
namespace {

constexpr Range range(float lo, float hi) {
  return {.lo = lo, .hi = hi};
}

TEST(ActivationParams, PixelScaleOfOneIsNoIdentityForOpenVino) {
  const Range pixels = range(0, 255);
  EXPECT_EQ(activation_params(pixels, find_target("ort-x86")).scale[0], 1.0F);
  const QuantParams params = activation_params(pixels, find_target("openvino"));
  EXPECT_GT(params.scale[0], 1.0F);
  EXPECT_LT(params.scale[0], 1.000001F);
  EXPECT_EQ(params.zero_point[0], 0);
}

TEST(FixedRange, GatesReachOneUnlessTheyStayBelowAHalf) {
  EXPECT_EQ(fixed_range("Sigmoid", range(0.1F, 0.9F)).hi, 1.0F);
  EXPECT_EQ(fixed_range("Softmax", range(0.0F, 0.6F)).hi, 1.0F);
  EXPECT_EQ(fixed_range("Softmax", range(0.0F, 0.1F)).hi, 0.1F);
  EXPECT_EQ(fixed_range("Tanh", range(-0.9F, 0.9F)).hi, 0.9F);
}

TEST(HardSwishParams, ThreeIsAWholeNumberOfStepsWithinTheCodes) {
  for (const DType dtype : {DType::kUint8, DType::kInt8}) {
    const QuantScheme scheme{.dtype = dtype};
    const CodeRange codes = code_range(scheme);
    for (const Range measured : {range(-3, 0), range(-3, 1), range(-0.5F, 12), range(-20, 4),
                                 range(0, 0), range(-3, 500), range(-100, 300)}) {
      SCOPED_TRACE(measured.hi);
      const QuantParams params = hard_swish_params(measured, scheme);
      const float steps = 3.0F / params.scale[0];
      EXPECT_NEAR(steps, std::nearbyint(steps), 1e-4);
      EXPECT_GE(params.zero_point[0] - codes.lo, static_cast<int32_t>(std::nearbyint(steps)));
      // Half a step may be cut off by rounding the zero point.
      const RealInterval reach = representable(params, scheme);
      const double half = params.scale[0] / 2.0 + 1e-6;
      EXPECT_LE(reach.lo, std::min(measured.lo, -3.0F) + half);
      EXPECT_GE(reach.hi, measured.hi - half);
    }
  }
}

TEST(HardSwishParams, RangesBeyondAllStepsAreCoarseButValid) {
  const QuantScheme scheme{.dtype = DType::kUint8};
  const QuantParams params = hard_swish_params(range(-3, 5000), scheme);
  EXPECT_GE(representable(params, scheme).hi, 4990.0);
  EXPECT_GE(params.zero_point[0], 0);
}

}  // namespace
}  // namespace ptq
