// to_floats and to_int64s for every element type.
#include <cstring>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "ptq/tensor.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

// A tensor whose bytes are `bytes`, for types without a C++ type of their own.
Tensor from_bytes(DType dtype, Shape shape, const std::vector<uint8_t>& bytes) {
  Tensor tensor(dtype, std::move(shape));
  EXPECT_EQ(tensor.bytes().size(), bytes.size());
  std::memcpy(tensor.mutable_bytes().data(), bytes.data(), bytes.size());
  return tensor;
}

template <typename T>
class IntegerTensor : public testing::Test {};
using IntegerTypes = testing::Types<int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t>;
TYPED_TEST_SUITE(IntegerTensor, IntegerTypes);

TYPED_TEST(IntegerTensor, ExtremesSurvive) {
  using Limits = std::numeric_limits<TypeParam>;
  const std::vector<TypeParam> values = {Limits::min(), 0, 1, Limits::max()};
  const Tensor tensor = Tensor::from<TypeParam>({4}, values);
  EXPECT_THAT(to_int64s(tensor), ElementsAreArray(values.begin(), values.end()));
  EXPECT_THAT(to_floats(tensor), ElementsAre(static_cast<float>(Limits::min()), 0.0F, 1.0F,
                                             static_cast<float>(Limits::max())));
}

TEST(ToFloats, TakesAllFloatTypes) {
  EXPECT_THAT(to_floats(Tensor::scalar(1.5F)), ElementsAre(1.5F));
  const std::vector<double> doubles = {0.1, -1e-50, 3.5};
  EXPECT_THAT(to_floats(Tensor::from<double>({3}, doubles)), ElementsAre(0.1F, -0.0F, 3.5F));
  EXPECT_THAT(to_floats(from_bytes(DType::kFloat16, {2}, {0x00, 0x3C, 0x00, 0xC2})),
              ElementsAre(1.0F, -3.0F));
  EXPECT_THAT(to_floats(from_bytes(DType::kBfloat16, {2}, {0x80, 0x3F, 0x40, 0xC0})),
              ElementsAre(1.0F, -3.0F));
}

TEST(ToFloats, Uint64AboveInt64StaysPositive) {
  const Tensor tensor = Tensor::scalar(std::numeric_limits<uint64_t>::max());
  EXPECT_THAT(to_floats(tensor), ElementsAre(0x1p64F));
  EXPECT_THROW(to_int64s(tensor), Error);
}

TEST(ToInt64s, AnyBoolByteButZeroIsTrue) {
  const Tensor tensor = from_bytes(DType::kBool, {4}, {0, 1, 2, 255});
  EXPECT_THAT(to_int64s(tensor), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(to_floats(tensor), ElementsAre(0.0F, 1.0F, 1.0F, 1.0F));
}

TEST(ToInt64s, UnpacksNibblesLowFirstForEveryByte) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto low = static_cast<int64_t>(byte % 16);
    const auto high = static_cast<int64_t>(byte / 16);
    const std::vector<uint8_t> bytes = {static_cast<uint8_t>(byte)};
    EXPECT_THAT(to_int64s(from_bytes(DType::kUint4, {2}, bytes)), ElementsAre(low, high));
    EXPECT_THAT(to_int64s(from_bytes(DType::kInt4, {2}, bytes)),
                ElementsAre(low < 8 ? low : low - 16, high < 8 ? high : high - 16));
  }
}

TEST(ToInt64s, AnOddCountLeavesTheLastNibbleOut) {
  const Tensor tensor = from_bytes(DType::kUint4, {3}, {0x21, 0xF3});
  EXPECT_THAT(to_int64s(tensor), ElementsAre(1, 2, 3));
  EXPECT_THAT(to_floats(tensor), ElementsAre(1.0F, 2.0F, 3.0F));
}

TEST(ToFloats, RefusesWhatIsNoNumberAndNamesIt) {
  for (const DType dtype : {DType::kUndefined, DType::kString, DType::kComplex64,
                            DType::kComplex128, static_cast<DType>(17)}) {
    const Tensor tensor = Tensor::view(dtype, {0}, nullptr, nullptr, 0);
    for (const bool as_floats : {true, false}) {
      try {
        as_floats ? static_cast<void>(to_floats(tensor)) : static_cast<void>(to_int64s(tensor));
        FAIL() << dtype_name(dtype);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kInput);
        EXPECT_THAT(error.what(), testing::HasSubstr(std::string(dtype_name(dtype))));
      }
    }
  }
  EXPECT_THROW(to_int64s(Tensor::scalar(1.0F)), Error);
}

}  // namespace
}  // namespace ptq
