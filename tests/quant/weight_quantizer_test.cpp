#include "quant/weight_quantizer.h"

#include <algorithm>
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
using testing::HasSubstr;

constexpr QuantScheme kInt8 = {.dtype = DType::kInt8, .symmetric = true, .narrow_range = true};
constexpr QuantScheme kInt8Limited = {.dtype = DType::kInt8, .symmetric = true, .code_limit = 64};
constexpr QuantScheme kUint8 = {.dtype = DType::kUint8, .symmetric = true, .narrow_range = true};

Tensor random_weight(const Shape& shape, uint32_t seed) {
  Tensor weight(DType::kFloat, shape);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 0.1F);
  for (float& value : weight.mutable_data<float>()) {
    value = normal(random);
  }
  return weight;
}

// Position along `axis` of the element with this flat index, by division alone.
size_t index_along(const Shape& shape, int64_t axis, size_t flat) {
  for (size_t d = shape.size(); d-- > 0;) {
    const auto dim = static_cast<size_t>(shape[d]);
    if (d == static_cast<size_t>(axis)) {
      return flat % dim;
    }
    flat /= dim;
  }
  return 0;  // axis −1: all belong to the one scale
}

// quantize_weight by its definition, element by element.
void expect_equals_naive(const Tensor& weight, const QuantScheme& scheme, int64_t axis) {
  const QuantizedWeight result = quantize_weight(weight, scheme, axis);
  const CodeRange codes = code_range(scheme);
  const int32_t middle = symmetric_zero_point(scheme.dtype);
  const size_t channels =
      axis < 0 ? 1 : static_cast<size_t>(weight.shape()[static_cast<size_t>(axis)]);
  const std::span<const float> values = weight.data<float>();
  std::vector<double> absmax(channels, 0.0);
  for (size_t i = 0; i < values.size(); ++i) {
    double& here = absmax[index_along(weight.shape(), axis, i)];
    here = std::max(here, std::abs(static_cast<double>(values[i])));
  }

  EXPECT_EQ(result.codes.dtype(), scheme.dtype);
  EXPECT_EQ(result.codes.shape(), weight.shape());
  EXPECT_EQ(result.params.dtype, scheme.dtype);
  EXPECT_EQ(result.params.axis, axis);
  ASSERT_EQ(result.params.scale.size(), channels);
  EXPECT_EQ(result.params.zero_point, std::vector<int32_t>(channels, middle));
  for (size_t c = 0; c < channels; ++c) {
    EXPECT_EQ(result.params.scale[c], static_cast<float>(absmax[c] / (codes.hi - middle))) << c;
  }
  const std::vector<int64_t> found = to_int64s(result.codes);
  double signal = 0.0;
  double noise = 0.0;
  for (size_t i = 0; i < values.size(); ++i) {
    const float scale = result.params.scale[index_along(weight.shape(), axis, i)];
    const auto code = std::clamp(static_cast<int32_t>(std::nearbyint(values[i] / scale)) + middle,
                                 codes.lo, codes.hi);
    ASSERT_EQ(found[i], code) << "element " << i << " on axis " << axis;
    const float back = scale * static_cast<float>(code - middle);  // rounds to float32, as ONNX
    signal += std::pow(static_cast<double>(values[i]), 2.0);
    noise += std::pow(static_cast<double>(values[i]) - static_cast<double>(back), 2.0);
  }
  if (noise == 0.0) {
    EXPECT_EQ(result.sqnr_db, std::numeric_limits<double>::infinity());
  } else {
    EXPECT_NEAR(result.sqnr_db, 10.0 * std::log10(signal / noise), 1e-9);  // another order of sums
  }
}

TEST(QuantizeWeight, EqualsTheNaiveLoopOnEveryAxis) {
  const Tensor weight = random_weight({3, 4, 5, 2}, 1);
  for (const QuantScheme& scheme : {kInt8, kInt8Limited, kUint8}) {
    for (int64_t axis = -1; axis < weight.rank(); ++axis) {
      expect_equals_naive(weight, scheme, axis);
    }
  }
  expect_equals_naive(random_weight({7}, 2), kInt8, 0);
  expect_equals_naive(random_weight({1, 9}, 3), kInt8, 0);
  expect_equals_naive(random_weight({6, 1, 3}, 4), kUint8, 1);
  expect_equals_naive(random_weight({}, 5), kInt8, -1);
}

TEST(QuantizeWeight, KnownCodes) {
  const std::vector<float> values = {-1.27F, 0.0F, 0.635F, 12.7F, -6.35F, 0.05F};
  const Tensor weight = Tensor::from<float>({2, 3}, values);
  const QuantizedWeight result = quantize_weight(weight, kInt8, 0);
  EXPECT_FLOAT_EQ(result.params.scale[0], 0.01F);
  EXPECT_FLOAT_EQ(result.params.scale[1], 0.1F);
  const std::span<const int8_t> codes = result.codes.data<int8_t>();
  EXPECT_EQ(codes[0], -127);
  EXPECT_EQ(codes[1], 0);
  EXPECT_EQ(codes[3], 127);
  const QuantizedWeight as_uint8 = quantize_weight(weight, kUint8, 0);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(as_uint8.codes.data<uint8_t>()[i], codes[i] + 128);
  }
}

TEST(QuantizeWeight, AnAllZeroChannelGetsScaleOneAndItsZeroCode) {
  const std::vector<float> values = {0.0F, -0.0F, 1.0F, -2.0F};
  const QuantizedWeight result = quantize_weight(Tensor::from<float>({2, 2}, values), kUint8, 0);
  EXPECT_EQ(result.params.scale[0], 1.0F);
  EXPECT_EQ(result.codes.data<uint8_t>()[0], 128);
  EXPECT_EQ(result.codes.data<uint8_t>()[1], 128);
  const QuantizedWeight nothing = quantize_weight(Tensor(DType::kFloat, {2, 3}), kInt8, 1);
  EXPECT_THAT(nothing.params.scale, ElementsAre(1.0F, 1.0F, 1.0F));
  EXPECT_EQ(nothing.sqnr_db, std::numeric_limits<double>::infinity());
}

TEST(QuantizeWeight, TinyAndHugeChannelsKeepNormalScales) {
  const float largest = std::numeric_limits<float>::max();
  const float smallest = std::numeric_limits<float>::denorm_min();
  const std::vector<float> values = {largest, -largest, smallest, -smallest};
  const QuantizedWeight result = quantize_weight(Tensor::from<float>({2, 2}, values), kInt8, 0);
  for (const float scale : result.params.scale) {
    EXPECT_TRUE(std::isnormal(scale) && scale > 0.0F);
  }
  EXPECT_THAT(result.codes.data<int8_t>(), ElementsAre(127, -127, 0, 0));
}

TEST(QuantizeWeight, ALosslessWeightHasInfiniteSqnr) {
  const std::vector<float> values = {127.0F, -3.0F, 0.0F, 64.0F};
  EXPECT_EQ(quantize_weight(Tensor::from<float>({4}, values), kInt8, -1).sqnr_db,
            std::numeric_limits<double>::infinity());
}

TEST(QuantizeWeight, RaisesScalesToTheFloorOnly) {
  const std::vector<float> values = {127.0F, 127.0F, 127.0F};
  const Tensor weight = Tensor::from<float>({3, 1}, values);
  const QuantizedWeight result =
      quantize_weight(weight, kInt8, 0, {.lowest_scale = {0.5F, 1.0F, 4.0F}});
  EXPECT_THAT(result.params.scale, ElementsAre(1.0F, 1.0F, 4.0F));
  EXPECT_THAT(result.codes.data<int8_t>(), ElementsAre(127, 127, 32));  // 31.75
  EXPECT_THROW(quantize_weight(weight, kInt8, 0, {.lowest_scale = {1.0F}}), Error);
}

TEST(QuantizeWeight, TakesAllFloatTypes) {
  const std::vector<double> doubles = {1.0, -0.5};
  const QuantizedWeight result = quantize_weight(Tensor::from<double>({2}, doubles), kInt8, -1);
  EXPECT_THAT(result.codes.data<int8_t>(), ElementsAre(127, -64));  // −63.5 to even
  Tensor halves(DType::kFloat16, {2});
  const std::vector<uint16_t> patterns = {0x3C00, 0xB800};  // 1, −0.5
  std::ranges::copy(std::as_bytes(std::span(patterns)), halves.mutable_bytes().begin());
  EXPECT_THAT(quantize_weight(halves, kInt8, -1).codes.data<int8_t>(), ElementsAre(127, -64));
}

TEST(QuantizeWeight, RefusesWhatIsNotFiniteAndSaysWhere) {
  for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
    Tensor weight = random_weight({2, 3}, 1);
    weight.mutable_data<float>()[4] = bad;
    try {
      quantize_weight(weight, kInt8, 0);
      FAIL() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInput);
      EXPECT_THAT(error.what(), HasSubstr("flat index 4"));
    }
  }
}

TEST(QuantizeWeight, RefusesOtherTypesAndSchemes) {
  const auto code_of = [](const Tensor& weight, const QuantScheme& scheme, int64_t axis) {
    try {
      quantize_weight(weight, scheme, axis);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInterrupted;
  };
  const Tensor weight = random_weight({2, 2}, 1);
  EXPECT_EQ(code_of(Tensor(DType::kInt32, {2}), kInt8, -1), ErrorCode::kInput);
  EXPECT_EQ(code_of(weight, kInt8, 2), ErrorCode::kInternal);
  EXPECT_EQ(code_of(weight, kInt8, -2), ErrorCode::kInternal);
  EXPECT_EQ(code_of(weight, {.dtype = DType::kUint8}, 0), ErrorCode::kInternal);  // not symmetric
  EXPECT_EQ(code_of(weight, {.dtype = DType::kInt4, .symmetric = true}, 0), ErrorCode::kInternal);
}

TEST(QuantizeWeight, AnEmptyWeightHasNoCodes) {
  EXPECT_EQ(quantize_weight(Tensor(DType::kFloat, {0, 3}), kInt8, 0).params.scale.size(), 0U);
  EXPECT_THAT(quantize_weight(Tensor(DType::kFloat, {0, 3}), kInt8, 1).params.scale,
              ElementsAre(1.0F, 1.0F, 1.0F));
}

}  // namespace
}  // namespace ptq
