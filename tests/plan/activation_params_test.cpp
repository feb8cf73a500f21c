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

TEST(GateParams, TheBoundIsAWholeNumberOfStepsWithinTheCodes) {
  for (const DType dtype : {DType::kUint8, DType::kInt8}) {
    const QuantScheme scheme{.dtype = dtype};
    const CodeRange codes = code_range(scheme);
    for (const float bound : {3.0F, 2.5F, 0.7F}) {
      for (const Range measured : {range(-3, 0), range(-3, 1), range(-0.5F, 12), range(-20, 4),
                                   range(0, 0), range(-3, 150), range(-30, 50)}) {
        SCOPED_TRACE(bound);
        SCOPED_TRACE(measured.hi);
        const QuantParams params = gate_params(measured, bound, scheme);
        const float steps = bound / params.scale[0];
        EXPECT_GE(steps, 0.9F);
        EXPECT_NEAR(steps, std::nearbyint(steps), 1e-4);
        EXPECT_GE(params.zero_point[0] - codes.lo, static_cast<int32_t>(std::nearbyint(steps)));
        // Half a step may be cut off by rounding the zero point.
        const RealInterval reach = representable(params, scheme);
        const double half = params.scale[0] / 2.0 + 1e-6;
        EXPECT_LE(reach.lo, std::min(measured.lo, -bound) + half);
        EXPECT_GE(reach.hi, measured.hi - half);
      }
    }
  }
}

TEST(GateParams, RangesBeyondAllStepsAreCoarseButValid) {
  const QuantScheme scheme{.dtype = DType::kUint8};
  const QuantParams params = gate_params(range(-3, 5000), 3.0F, scheme);
  EXPECT_GE(representable(params, scheme).hi, 4990.0);
  EXPECT_GE(params.zero_point[0], 0);
}

}  // namespace
}  // namespace ptq
