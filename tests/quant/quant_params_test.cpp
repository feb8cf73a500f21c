#include "ptq/quant_params.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using testing::ElementsAre;

constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kSmallestNormal = std::numeric_limits<float>::min();
constexpr float kSmallest = std::numeric_limits<float>::denorm_min();

constexpr QuantScheme kUint8 = {.dtype = DType::kUint8};
constexpr QuantScheme kInt8 = {.dtype = DType::kInt8};
constexpr QuantScheme kInt8Symmetric = {.dtype = DType::kInt8, .symmetric = true};
constexpr QuantScheme kInt8Narrow = {
    .dtype = DType::kInt8, .symmetric = true, .narrow_range = true};
constexpr QuantScheme kInt8Limited = {.dtype = DType::kInt8, .symmetric = true, .code_limit = 64};
constexpr QuantScheme kUint8Symmetric = {.dtype = DType::kUint8, .symmetric = true};
constexpr QuantScheme kUint8Narrow = {
    .dtype = DType::kUint8, .symmetric = true, .narrow_range = true};

const std::vector<QuantScheme>& all_schemes() {
  static const std::vector<QuantScheme> kSchemes = {
      kUint8,
      kInt8,
      kInt8Symmetric,
      kInt8Narrow,
      kInt8Limited,
      kUint8Symmetric,
      kUint8Narrow,
      {.dtype = DType::kUint8, .symmetric = true, .code_limit = 64},
      {.dtype = DType::kUint8, .narrow_range = true},
      {.dtype = DType::kUint16},
      {.dtype = DType::kInt16, .symmetric = true},
      {.dtype = DType::kInt4, .symmetric = true},
      {.dtype = DType::kInt4, .symmetric = true, .narrow_range = true},
      {.dtype = DType::kUint4},
      {.dtype = DType::kUint4, .symmetric = true}};
  return kSchemes;
}

std::string scheme_text(const QuantScheme& scheme) {
  return std::string(dtype_name(scheme.dtype)) + (scheme.symmetric ? " symmetric" : "") +
         (scheme.narrow_range ? " narrow" : "") + (scheme.code_limit ? " limited" : "");
}

void expect_codes(const QuantScheme& scheme, int32_t lo, int32_t hi) {
  const CodeRange codes = code_range(scheme);
  EXPECT_EQ(codes.lo, lo) << scheme_text(scheme);
  EXPECT_EQ(codes.hi, hi) << scheme_text(scheme);
}

TEST(CodeRange, OfEachForm) {
  expect_codes(kUint8, 0, 255);
  expect_codes(kInt8, -128, 127);
  expect_codes(kInt8Symmetric, -128, 127);
  expect_codes(kInt8Narrow, -127, 127);
  expect_codes(kInt8Limited, -64, 64);
  expect_codes(kUint8Symmetric, 0, 255);
  expect_codes(kUint8Narrow, 1, 255);
  expect_codes({.dtype = DType::kUint8, .symmetric = true, .code_limit = 64}, 64, 192);
  expect_codes({.dtype = DType::kUint8, .narrow_range = true}, 1, 255);
  expect_codes({.dtype = DType::kInt4, .symmetric = true, .narrow_range = true}, -7, 7);
  expect_codes({.dtype = DType::kUint4}, 0, 15);
  expect_codes({.dtype = DType::kInt16}, -32768, 32767);
  expect_codes({.dtype = DType::kUint16}, 0, 65535);
  // A limit beyond the type changes nothing; one that leaves no code is a defect.
  expect_codes({.dtype = DType::kInt8, .symmetric = true, .code_limit = 1000}, -128, 127);
  EXPECT_THROW(code_range({.dtype = DType::kInt8, .symmetric = true, .code_limit = 0}), Error);
  EXPECT_THROW(code_range({.dtype = DType::kFloat}), Error);
  EXPECT_THROW(code_range({.dtype = DType::kInt32}), Error);
}

TEST(SymmetricZeroPoint, IsTheMiddleOfTheCodes) {
  EXPECT_EQ(symmetric_zero_point(DType::kInt8), 0);
  EXPECT_EQ(symmetric_zero_point(DType::kUint8), 128);
  EXPECT_EQ(symmetric_zero_point(DType::kUint16), 32768);
  EXPECT_EQ(symmetric_zero_point(DType::kUint4), 8);
}

TEST(ParamsForRange, KnownAnswers) {
  QuantParams params = params_for_range(-1.0F, 1.55F, kUint8);
  EXPECT_FLOAT_EQ(params.scale[0], 0.01F);
  EXPECT_THAT(params.zero_point, ElementsAre(100));
  EXPECT_EQ(params.dtype, DType::kUint8);
  EXPECT_FALSE(params.per_axis());

  params = params_for_range(-1.0F, 1.55F, kInt8);
  EXPECT_THAT(params.zero_point, ElementsAre(-28));

  EXPECT_THAT(params_for_range(-3.0F, 127.0F, kInt8Symmetric).scale, ElementsAre(1.0F));
  EXPECT_THAT(params_for_range(-127.0F, 3.0F, kInt8Narrow).scale, ElementsAre(1.0F));
  EXPECT_THAT(params_for_range(-64.0F, 64.0F, kInt8Limited).scale, ElementsAre(1.0F));
  params = params_for_range(-254.0F, 10.0F, kUint8Symmetric);
  EXPECT_THAT(params.scale, ElementsAre(2.0F));
  EXPECT_THAT(params.zero_point, ElementsAre(128));
}

TEST(ParamsForRange, WidensAOneSidedRangeToHoldZero) {
  QuantParams params = params_for_range(2.0F, 5.1F, kUint8);
  EXPECT_FLOAT_EQ(params.scale[0], 0.02F);
  EXPECT_THAT(params.zero_point, ElementsAre(0));
  params = params_for_range(-5.1F, -2.0F, kUint8);
  EXPECT_FLOAT_EQ(params.scale[0], 0.02F);
  EXPECT_THAT(params.zero_point, ElementsAre(255));
  EXPECT_THAT(params_for_range(0.0F, 5.1F, kInt8).zero_point, ElementsAre(-128));
}

TEST(ParamsForRange, ARangeOfZeroWidthAtZeroGetsScaleOne) {
  for (const QuantScheme& scheme : all_schemes()) {
    for (const auto& [lo, hi] : {std::pair(0.0F, 0.0F), std::pair(-0.0F, 0.0F)}) {
      const QuantParams params = params_for_range(lo, hi, scheme);
      EXPECT_THAT(params.scale, ElementsAre(1.0F)) << scheme_text(scheme);
      EXPECT_EQ(quantize(0.0F, 1.0F, params.zero_point[0], code_range(scheme)),
                params.zero_point[0]);
    }
  }
  // A constant that is not zero has the width of its distance to zero.
  EXPECT_THAT(params_for_range(255.0F, 255.0F, kUint8).scale, ElementsAre(1.0F));
}

TEST(ParamsForRange, RaisesADenormalScaleToTheSmallestNormal) {
  for (const QuantScheme& scheme : all_schemes()) {
    for (const float tiny : {kSmallest, 1e-42F, kSmallestNormal}) {
      EXPECT_EQ(params_for_range(-tiny, tiny, scheme).scale[0], kSmallestNormal)
          << scheme_text(scheme);
      EXPECT_EQ(params_for_range(0.0F, tiny, scheme).scale[0], kSmallestNormal);
    }
  }
}

TEST(ParamsForRange, TheWidestRangeDoesNotOverflow) {
  const QuantParams params = params_for_range(-kLargest, kLargest, kUint8);
  // hi − lo alone is twice the largest float.
  EXPECT_NEAR(static_cast<double>(params.scale[0]) / (2.0 * static_cast<double>(kLargest) / 255.0),
              1.0, 1e-6);
  EXPECT_THAT(params.zero_point, ElementsAre(128));
  const QuantParams narrowest = params_for_range(
      -kLargest, kLargest, {.dtype = DType::kInt8, .symmetric = true, .code_limit = 1});
  EXPECT_EQ(narrowest.scale[0], kLargest);
}

TEST(ParamsForRange, RefusesWhatIsNoRange) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const auto& [lo, hi] :
       {std::pair(nan, 1.0F), std::pair(0.0F, nan), std::pair(-infinity, 1.0F),
        std::pair(0.0F, infinity), std::pair(1.0F, 0.5F)}) {
    for (const QuantScheme& scheme : {kUint8, kInt8Narrow}) {
      try {
        params_for_range(lo, hi, scheme);
        FAIL() << lo << ' ' << hi;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kInput);
      }
    }
  }
}

TEST(Representable, IsTheIntervalOfTheOutermostCodes) {
  const QuantParams params = {.dtype = DType::kUint8, .scale = {0.5F}, .zero_point = {100}};
  EXPECT_EQ(representable(params, kUint8).lo, -50.0);
  EXPECT_EQ(representable(params, kUint8).hi, 77.5);
  const QuantParams middle = {.dtype = DType::kInt8, .scale = {0.5F}, .zero_point = {0}};
  EXPECT_EQ(representable(middle, kInt8Narrow).lo, -63.5);
  EXPECT_EQ(representable(middle, kInt8Symmetric).lo, -64.0);
}

// A range drawn to hit extremes: any exponent, one-sided, equal ends, the largest and smallest.
std::pair<float, float> random_range(std::mt19937& random) {
  const auto draw = [&] {
    switch (random() % 8) {
      case 0:
        return 0.0F;
      case 1:
        return random() % 2 == 0 ? kLargest : -kLargest;
      case 2:
        return random() % 2 == 0 ? kSmallest : -kSmallest;
      default:
        while (true) {
          const auto value = std::bit_cast<float>(static_cast<uint32_t>(random()));
          if (std::isfinite(value)) {
            return value;
          }
        }
    }
  };
  const float a = draw();
  const float b = random() % 8 == 0 ? a : draw();
  return {std::min(a, b), std::max(a, b)};
}

// What every quantizer relies on, for all schemes and ranges: the scale is finite, normal and
// positive, zero has a code of its own, and both ends come back within half a step.
TEST(ParamsForRange, KeepsItsPromisesOnRandomRanges) {
  std::mt19937 random(5);
  for (int i = 0; i < 100'000; ++i) {
    const auto [lo, hi] = random_range(random);
    const QuantScheme& scheme = all_schemes()[random() % all_schemes().size()];
    const CodeRange codes = code_range(scheme);
    const QuantParams params = params_for_range(lo, hi, scheme);
    ASSERT_EQ(params.scale.size(), 1U);
    ASSERT_EQ(params.zero_point.size(), 1U);
    const float scale = params.scale[0];
    const int32_t zero_point = params.zero_point[0];
    ASSERT_TRUE(std::isnormal(scale) && scale > 0.0F) << lo << ' ' << hi << scheme_text(scheme);
    ASSERT_GE(zero_point, codes.lo);
    ASSERT_LE(zero_point, codes.hi);
    ASSERT_EQ(quantize(0.0F, scale, zero_point, codes), zero_point);
    ASSERT_EQ(dequantize(zero_point, scale, zero_point), 0.0F);
    if (scheme.symmetric) {
      ASSERT_EQ(zero_point, symmetric_zero_point(scheme.dtype));
    }
    // Half a step for the rounding of the zero point, and 2^-23 of the codes for float32.
    const RealInterval held = representable(params, scheme);
    const double slack =
        static_cast<double>(scale) * (0.5 + static_cast<double>(codes.hi - codes.lo) * 0x1p-23);
    ASSERT_LE(held.lo - slack, std::min(0.0, static_cast<double>(lo))) << scheme_text(scheme);
    ASSERT_GE(held.hi + slack, std::max(0.0, static_cast<double>(hi))) << scheme_text(scheme);
  }
}

TEST(ParamsForRange, WastesNoCodes) {
  std::mt19937 random(6);
  std::uniform_real_distribution<float> ends(0.01F, 100.0F);
  for (int i = 0; i < 10'000; ++i) {
    const float lo = -ends(random);
    const float hi = ends(random);
    for (const QuantScheme& scheme : all_schemes()) {
      const QuantParams params = params_for_range(lo, hi, scheme);
      const double width = scheme.symmetric
                               ? 2.0 * std::max(-static_cast<double>(lo), static_cast<double>(hi))
                               : static_cast<double>(hi) - static_cast<double>(lo);
      const RealInterval held = representable(params, scheme);
      // At most one code more than needed: −128 beside a symmetric range.
      EXPECT_LE(held.hi - held.lo, (width + static_cast<double>(params.scale[0])) * (1.0 + 1e-6))
          << scheme_text(scheme);
    }
  }
}

}  // namespace
}  // namespace ptq
