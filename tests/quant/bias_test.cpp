// quantize_bias and bias_scale_floor of quant/weight_quantizer.h.
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "quant/weight_quantizer.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kSmallestNormal = std::numeric_limits<float>::min();

Tensor bias_of(const std::vector<float>& values) {
  return Tensor::from<float>({static_cast<int64_t>(values.size())}, values);
}

template <typename Body>
Error error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "expected an Error";
  return {ErrorCode::kInterrupted, ""};
}

TEST(QuantizeBias, RoundsHalfToEvenWithOneScaleAnElement) {
  const Tensor codes =
      quantize_bias(bias_of({2.5F, 3.5F, -2.5F, 0.0F, 10.0F}), {1.0F, 1.0F, 1.0F, 1e-6F, 0.001F});
  EXPECT_EQ(codes.dtype(), DType::kInt32);
  EXPECT_EQ(codes.shape(), Shape({5}));
  EXPECT_THAT(codes.data<int32_t>(), ElementsAre(2, 4, -2, 0, 10000));
}

TEST(QuantizeBias, KeepsTheShapeAndReachesTheEndsOfInt32) {
  // The float32 next to 2^31.
  const std::vector<float> values = {2147483520.0F, -2147483520.0F};
  const Tensor codes = quantize_bias(Tensor::from<float>({1, 2}, values), {1.0F, 1.0F});
  EXPECT_EQ(codes.shape(), Shape({1, 2}));
  EXPECT_THAT(codes.data<int32_t>(), ElementsAre(2147483520, -2147483520));
  EXPECT_EQ(error_of([] { quantize_bias(bias_of({2147483648.0F}), {1.0F}); }).code(),
            ErrorCode::kInternal);
}

TEST(QuantizeBias, RefusesWhatNoCodeCanHold) {
  EXPECT_EQ(error_of([] { quantize_bias(bias_of({1.0F}), {1e-12F}); }).code(),
            ErrorCode::kInternal);
  EXPECT_EQ(error_of([] { quantize_bias(bias_of({0.0F}), {0.0F}); }).code(), ErrorCode::kInternal);
  EXPECT_EQ(error_of([] { quantize_bias(bias_of({1.0F}), {HUGE_VALF}); }).code(),
            ErrorCode::kInternal);
  EXPECT_EQ(error_of([] {
              quantize_bias(bias_of({1.0F, 2.0F}), {1.0F});
            }).code(),
            ErrorCode::kInternal);
  const Error error = error_of([] { quantize_bias(bias_of({1.0F, std::nanf("")}), {1.0F, 1.0F}); });
  EXPECT_EQ(error.code(), ErrorCode::kInput);
  EXPECT_THAT(error.what(), HasSubstr("flat index 1"));
}

TEST(BiasScaleFloor, KnownAnswers) {
  // 2^30 · 2^-10 · scale ≥ |bias|.
  EXPECT_THAT(bias_scale_floor(bias_of({0x1p20F, -0x1p21F}), 0x1p-10F), ElementsAre(1.0F, 2.0F));
  // Nothing to hold: the floor only keeps the product with the activation scale normal.
  EXPECT_THAT(bias_scale_floor(bias_of({0.0F}), 1.0F), ElementsAre(kSmallestNormal));
  EXPECT_THAT(bias_scale_floor(bias_of({0.0F}), 0x1p-100F), ElementsAre(0x1p-26F));
  EXPECT_THAT(bias_scale_floor(bias_of({0.0F}), 0x1p100F), ElementsAre(kSmallestNormal));
}

TEST(BiasScaleFloor, RefusesBiasesThatNoScaleCanHold) {
  const Error huge = error_of([] { bias_scale_floor(bias_of({1.0F, 1e30F}), 1e-30F); });
  EXPECT_EQ(huge.code(), ErrorCode::kInput);
  EXPECT_THAT(huge.what(), HasSubstr("flat index 1"));
  EXPECT_EQ(error_of([] { bias_scale_floor(bias_of({HUGE_VALF}), 1.0F); }).code(),
            ErrorCode::kInput);
  EXPECT_EQ(error_of([] { bias_scale_floor(bias_of({1.0F}), 0.0F); }).code(), ErrorCode::kInternal);
}

// The point of the floor: with it, the float32 product of the two scales is normal and the bias
// fits INT32 with a bit to spare, whatever the numbers.
TEST(BiasScaleFloor, GuaranteesANormalScaleAndInt32Codes) {
  std::mt19937 random(9);
  int tried = 0;
  for (int i = 0; i < 50'000; ++i) {
    const auto bias = std::bit_cast<float>(static_cast<uint32_t>(random()));
    const auto activation_scale = std::bit_cast<float>(static_cast<uint32_t>(random() >> 1));
    if (!std::isfinite(bias) || !std::isnormal(activation_scale) ||
        std::abs(static_cast<double>(bias)) / 0x1p30 / static_cast<double>(activation_scale) >
            3.4e38) {
      continue;
    }
    ++tried;
    const float floor = bias_scale_floor(bias_of({bias}), activation_scale)[0];
    const float product = floor * activation_scale;
    ASSERT_TRUE(std::isnormal(product)) << bias << ' ' << activation_scale;
    const int32_t code = quantize_bias(bias_of({bias}), {product}).data<int32_t>()[0];
    ASSERT_LE(std::abs(static_cast<double>(code)), 0x1p30) << bias << ' ' << activation_scale;
  }
  EXPECT_GT(tried, 10'000);
}

}  // namespace
}  // namespace ptq
