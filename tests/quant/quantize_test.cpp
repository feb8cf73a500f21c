// quantize() and dequantize() of ptq/quant_params.h against arithmetic of higher precision.
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "ptq/quant_params.h"

namespace ptq {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr CodeRange kUint8 = {0, 255};
constexpr CodeRange kInt8 = {-128, 127};

// The formula of ONNX QuantizeLinear in long double, with a rounding of its own. The quotient is
// the float32 one, as in ONNX: that is the only place where float32 may round.
int32_t reference(float real, float scale, int32_t zero_point, CodeRange codes) {
  const long double quotient = static_cast<long double>(real / scale);
  long double below = std::floor(quotient);
  const long double rest = quotient - below;
  const bool is_odd = std::fmod(below, 2.0L) != 0.0L;
  if (rest > 0.5L || (rest == 0.5L && is_odd)) {
    below += 1.0L;
  }
  const long double code = below + static_cast<long double>(zero_point);
  if (code <= codes.lo) {
    return codes.lo;
  }
  return code >= codes.hi ? codes.hi : static_cast<int32_t>(code);
}

TEST(Quantize, RoundsHalfToEvenBeforeTheZeroPoint) {
  const std::vector<std::pair<float, int32_t>> expected = {
      {0.5F, 0},   {1.5F, 2},   {2.5F, 2},     {3.5F, 4},     {-0.5F, 0},
      {-1.5F, -2}, {-2.5F, -2}, {0.50001F, 1}, {0.49999F, 0}, {-0.50001F, -1}};
  for (const auto& [real, code] : expected) {
    EXPECT_EQ(quantize(real, 1.0F, 0, kInt8), code) << real;
    // An odd zero point must not change which way a half goes.
    EXPECT_EQ(quantize(real, 1.0F, 101, kUint8), 101 + code) << real;
    EXPECT_EQ(quantize(real * 0.25F, 0.25F, 0, kInt8), code) << real;
  }
}

TEST(Quantize, SaturatesAtBothEnds) {
  EXPECT_EQ(quantize(127.4F, 1.0F, 0, kInt8), 127);
  EXPECT_EQ(quantize(127.6F, 1.0F, 0, kInt8), 127);
  EXPECT_EQ(quantize(-128.4F, 1.0F, 0, kInt8), -128);
  EXPECT_EQ(quantize(-129.0F, 1.0F, 0, kInt8), -128);
  EXPECT_EQ(quantize(-129.0F, 1.0F, 0, {-64, 64}), -64);
  EXPECT_EQ(quantize(200.0F, 1.0F, 100, kUint8), 255);
  EXPECT_EQ(quantize(-200.0F, 1.0F, 100, kUint8), 0);
}

TEST(Quantize, HugeValuesAndInfinitiesSaturate) {
  for (const float huge : {kInfinity, kLargest, 1e20F, 3e9F}) {
    for (const float scale : {1.0F, 1e-38F, 1e-3F}) {
      EXPECT_EQ(quantize(huge, scale, 7, kUint8), 255) << huge << ' ' << scale;
      EXPECT_EQ(quantize(-huge, scale, 7, kUint8), 0) << huge << ' ' << scale;
      EXPECT_EQ(quantize(huge, scale, 0, {-32768, 32767}), 32767);
      EXPECT_EQ(quantize(-huge, scale, 0, {-32768, 32767}), -32768);
    }
  }
  EXPECT_EQ(quantize(std::numeric_limits<float>::denorm_min(), kLargest, 3, kUint8), 3);
}

// As the kernels of ONNX Runtime, so that codes made here and there agree.
TEST(Quantize, NaNGivesTheLowestCode) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(quantize(nan, 1.0F, 128, kUint8), 0);
  EXPECT_EQ(quantize(-nan, 1.0F, 0, kInt8), -128);
  EXPECT_EQ(quantize(nan, 1.0F, 0, {-64, 64}), -64);
}

TEST(Quantize, EqualsTheReferenceOnRandomBitPatterns) {
  std::mt19937 random(1);
  const std::vector<CodeRange> ranges = {kUint8,    kInt8,      {-127, 127},
                                         {-64, 64}, {0, 65535}, {-8, 7}};
  for (int i = 0; i < 300'000; ++i) {
    const auto real = std::bit_cast<float>(static_cast<uint32_t>(random()));
    const auto scale = std::bit_cast<float>(static_cast<uint32_t>(random() & 0x7FFFFFFFU));
    if (std::isnan(real) || !std::isnormal(scale)) {
      continue;
    }
    const CodeRange codes = ranges[random() % ranges.size()];
    const auto width = static_cast<uint32_t>(codes.hi - codes.lo) + 1;
    const int32_t zero_point = codes.lo + static_cast<int32_t>(random() % width);
    ASSERT_EQ(quantize(real, scale, zero_point, codes), reference(real, scale, zero_point, codes))
        << real << " / " << scale << " + " << zero_point;
  }
}

TEST(Quantize, EqualsTheReferenceAroundEveryHalf) {
  std::mt19937 random(2);
  std::uniform_real_distribution<float> scales(1e-4F, 10.0F);
  for (int i = 0; i < 2000; ++i) {
    const float scale = scales(random);
    for (int half = -300; half <= 300; ++half) {
      const float middle = scale * (static_cast<float>(half) + 0.5F);
      for (const float real :
           {std::nextafter(middle, -kInfinity), middle, std::nextafter(middle, kInfinity)}) {
        ASSERT_EQ(quantize(real, scale, 3, kInt8), reference(real, scale, 3, kInt8))
            << real << " / " << scale;
      }
    }
  }
}

TEST(Quantize, EveryCodeComesBackToItself) {
  for (const float scale : {1.0F, 0.007F, 1e-30F, 1.2345e30F, std::numeric_limits<float>::min()}) {
    for (const int32_t zero_point : {0, 1, 128, 255}) {
      for (int32_t code = 0; code <= 255; ++code) {
        EXPECT_EQ(quantize(dequantize(code, scale, zero_point), scale, zero_point, kUint8), code)
            << scale << ' ' << zero_point;
      }
    }
  }
}

TEST(Quantize, ErrsByAtMostHalfAStepInsideTheRange) {
  std::mt19937 random(3);
  const float scale = 0.0371F;
  std::uniform_real_distribution<float> reals(-scale * 128.0F, scale * 127.0F);
  for (int i = 0; i < 10'000; ++i) {
    const float real = reals(random);
    const float back = dequantize(quantize(real, scale, 128, kUint8), scale, 128);
    // Half a step and the rounding of the quotient (2^-24 of up to 128 steps).
    EXPECT_LE(std::abs(back - real), scale * (0.5F + 128.0F * 0x1p-23F)) << real;
  }
}

}  // namespace
}  // namespace ptq
