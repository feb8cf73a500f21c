#include "ptq/tensor.h"

#include <array>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using testing::ElementsAre;

template <typename Body>
ErrorCode code_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "expected an Error";
  return ErrorCode::kInterrupted;
}

std::vector<float> floats(const Tensor& tensor) {
  const std::span<const float> data = tensor.data<float>();
  return {data.begin(), data.end()};
}

Tensor counting(Shape shape) {
  Tensor tensor(DType::kFloat, std::move(shape));
  float next = 0.0F;
  for (float& value : tensor.mutable_data<float>()) {
    value = next++;
  }
  return tensor;
}

TEST(ElementCount, MultipliesTheDimensions) {
  EXPECT_EQ(element_count(Shape{}), 1);
  EXPECT_EQ(element_count(Shape{2, 3, 4}), 24);
  EXPECT_EQ(element_count(Shape{5, 0}), 0);
}

TEST(ElementCount, RefusesNegativeAndOverflowingShapes) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(code_of([] { element_count(Shape{2, -1}); }), ErrorCode::kInput);
  EXPECT_EQ(code_of([] { element_count(Shape{0, -1}); }), ErrorCode::kInput);
  EXPECT_EQ(code_of([] {
              element_count(Shape{int64_t{1} << 32, int64_t{1} << 31});
            }),
            ErrorCode::kInput);
  EXPECT_EQ(code_of([] { element_count(Shape{kMax, 2}); }), ErrorCode::kInput);
  // 2^32 · 2^32 wraps to 0 in 64 bits.
  EXPECT_EQ(code_of([] {
              element_count(Shape{int64_t{1} << 32, int64_t{1} << 32});
            }),
            ErrorCode::kInput);
  EXPECT_EQ(element_count(Shape{kMax, 1}), kMax);
  EXPECT_EQ(element_count(Shape{kMax, kMax, 0}), 0);
}

TEST(ShapeText, ShowsUnknownDimensions) {
  EXPECT_EQ(shape_text(Shape{}), "[]");
  EXPECT_EQ(shape_text(Shape{1, -1, 3}), "[1,?,3]");
  EXPECT_EQ(shape_text(Shape{-7}), "[-7]");
}

TEST(PackedByteSize, PacksFourBitTypesAndRefusesOverflow) {
  EXPECT_EQ(packed_byte_size(DType::kInt4, 0), 0U);
  EXPECT_EQ(packed_byte_size(DType::kInt4, 1), 1U);
  EXPECT_EQ(packed_byte_size(DType::kUint4, 4), 2U);
  EXPECT_EQ(packed_byte_size(DType::kUint4, 5), 3U);
  EXPECT_EQ(packed_byte_size(DType::kDouble, 3), 24U);
  EXPECT_EQ(packed_byte_size(DType::kString, 9), 0U);
  const int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(code_of([&] { packed_byte_size(DType::kInt8, huge); }), ErrorCode::kInput);
  EXPECT_EQ(code_of([&] { packed_byte_size(DType::kFloat, int64_t{1} << 60); }), ErrorCode::kInput);
  EXPECT_EQ(packed_byte_size(DType::kFloat, int64_t{1} << 57), size_t{1} << 59);
  EXPECT_EQ(code_of([] { packed_byte_size(DType::kFloat, -1); }), ErrorCode::kInternal);
}

TEST(Tensor, StartsZeroFilledAndAligned) {
  const Tensor tensor(DType::kFloat, {3, 5});
  EXPECT_EQ(tensor.size(), 15);
  EXPECT_EQ(tensor.bytes().size(), 60U);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.bytes().data()) % 64, 0U);
  EXPECT_THAT(floats(tensor), testing::Each(0.0F));
  EXPECT_EQ(Tensor().dtype(), DType::kUndefined);
  EXPECT_EQ(Tensor(DType::kInt4, {3}).bytes().size(), 2U);
  EXPECT_TRUE(Tensor(DType::kFloat, {0, 4}).data<float>().empty());
}

TEST(Tensor, FromTakesExactlyTheValuesOfTheShape) {
  const std::vector<int32_t> values = {1, 2, 3, 4};
  EXPECT_THAT(Tensor::from<int32_t>({2, 2}, values).data<int32_t>(), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(code_of([&] { Tensor::from<int32_t>({3}, values); }), ErrorCode::kInternal);
  EXPECT_EQ(code_of([&] { Tensor::from<int32_t>({5}, values); }), ErrorCode::kInternal);
  const Tensor scalar = Tensor::scalar<double>(2.5);
  EXPECT_EQ(scalar.rank(), 0);
  EXPECT_THAT(scalar.data<double>(), ElementsAre(2.5));
}

TEST(Tensor, RefusesToBeReadAsAnotherType) {
  Tensor tensor(DType::kInt8, {4});
  EXPECT_EQ(code_of([&] { tensor.data<uint8_t>(); }), ErrorCode::kInternal);
  EXPECT_EQ(code_of([&] { tensor.mutable_data<float>(); }), ErrorCode::kInternal);
}

TEST(Tensor, CopyIsAHandleUntilTheFirstWrite) {
  Tensor first = counting({4});
  Tensor second = first;
  EXPECT_EQ(first.bytes().data(), second.bytes().data());
  second.mutable_data<float>()[0] = 9.0F;
  EXPECT_NE(first.bytes().data(), second.bytes().data());
  EXPECT_THAT(floats(first), ElementsAre(0.0F, 1.0F, 2.0F, 3.0F));
  EXPECT_THAT(floats(second), ElementsAre(9.0F, 1.0F, 2.0F, 3.0F));
}

TEST(Tensor, TheLastHandleIsWrittenInPlace) {
  Tensor tensor = counting({4});
  const std::byte* before = tensor.bytes().data();
  { const Tensor copy = tensor; }
  tensor.mutable_data<float>()[1] = 5.0F;
  EXPECT_EQ(tensor.bytes().data(), before);
}

TEST(Tensor, ReshapedSharesBytesAndKeepsTheSize) {
  const Tensor tensor = counting({2, 3});
  const Tensor flat = tensor.reshaped({6});
  EXPECT_EQ(flat.bytes().data(), tensor.bytes().data());
  EXPECT_EQ(flat.shape(), Shape({6}));
  EXPECT_EQ(code_of([&] { tensor.reshaped({7}); }), ErrorCode::kInternal);
}

TEST(TensorView, KeepsItsOwnerAliveAndNeverWritesThroughIt) {
  auto memory = std::make_shared<std::vector<float>>(std::vector<float>{1.0F, 2.0F});
  const std::weak_ptr<std::vector<float>> watch = memory;
  const auto* data = reinterpret_cast<const std::byte*>(memory->data());
  Tensor view = Tensor::view(DType::kFloat, {2}, memory, data, 8);
  Tensor kept = view;
  memory.reset();
  ASSERT_FALSE(watch.expired());
  EXPECT_THAT(floats(view), ElementsAre(1.0F, 2.0F));

  view.mutable_data<float>()[0] = 7.0F;
  EXPECT_THAT(*watch.lock(), ElementsAre(1.0F, 2.0F));
  EXPECT_FALSE(watch.expired());
  kept = Tensor();
  EXPECT_TRUE(watch.expired());
  EXPECT_THAT(floats(view), ElementsAre(7.0F, 2.0F));
}

TEST(TensorView, RefusesBytesThatDoNotFit) {
  alignas(8) const std::array<std::byte, 16> memory{};
  const auto make = [&](size_t offset, size_t size_bytes) {
    return Tensor::view(DType::kFloat, {2}, nullptr, memory.data() + offset, size_bytes);
  };
  EXPECT_NO_THROW(make(4, 8));
  EXPECT_EQ(code_of([&] { make(0, 7); }), ErrorCode::kInternal);
  EXPECT_EQ(code_of([&] { make(0, 9); }), ErrorCode::kInternal);
  EXPECT_EQ(code_of([&] { make(2, 8); }), ErrorCode::kInternal);  // not aligned for float
  EXPECT_NO_THROW(Tensor::view(DType::kFloat, {0}, nullptr, nullptr, 0));
}

TEST(TensorSlice, RowsAreViewsOfTheSameBytes) {
  Tensor tensor = counting({4, 2, 3});
  const Tensor rows = tensor.slice_rows(1, 2);
  EXPECT_EQ(rows.shape(), Shape({2, 2, 3}));
  EXPECT_EQ(rows.bytes().data(), tensor.bytes().data() + 24);
  EXPECT_EQ(floats(rows).front(), 6.0F);
  EXPECT_EQ(floats(rows).back(), 17.0F);
  EXPECT_EQ(tensor.slice_rows(4, 0).size(), 0);
  EXPECT_EQ(floats(tensor.slice_rows(0, 4)), floats(tensor));
  EXPECT_EQ(Tensor(DType::kFloat, {0, 3}).slice_rows(0, 0).size(), 0);
}

TEST(TensorSlice, NeitherSideSeesTheOthersWrites) {
  Tensor tensor = counting({4});
  Tensor rows = tensor.slice_rows(2, 2);
  tensor.mutable_data<float>()[2] = -1.0F;
  EXPECT_THAT(floats(rows), ElementsAre(2.0F, 3.0F));
  rows.mutable_data<float>()[0] = -2.0F;
  EXPECT_THAT(floats(tensor), ElementsAre(0.0F, 1.0F, -1.0F, 3.0F));
}

TEST(TensorSlice, OutlivesTheTensor) {
  Tensor rows;
  { rows = counting({3, 2}).slice_rows(2, 1); }
  EXPECT_THAT(floats(rows), ElementsAre(4.0F, 5.0F));
}

TEST(TensorSlice, RefusesRowsOutsideAndPackedTypes) {
  const Tensor tensor = counting({4});
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  using Rows = std::pair<int64_t, int64_t>;
  for (const auto& [first, count] : {Rows{-1, 1}, Rows{0, -1}, Rows{0, 5}, Rows{4, 1}, Rows{5, 0},
                                     Rows{1, kMax}, Rows{kMax, 1}}) {
    EXPECT_EQ(code_of([&, f = first, n = count] { tensor.slice_rows(f, n); }), ErrorCode::kInternal)
        << first << ' ' << count;
  }
  EXPECT_EQ(code_of([] { Tensor::scalar(1.0F).slice_rows(0, 1); }), ErrorCode::kInternal);
  EXPECT_EQ(code_of([] { Tensor(DType::kInt4, {4}).slice_rows(0, 2); }), ErrorCode::kInternal);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(Tensor, SaysHowMuchMemoryIsMissing) {
  try {
    const Tensor tensor(DType::kFloat, {int64_t{1} << 57});
    FAIL() << "2^59 bytes were given";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kEnvironment);
    EXPECT_THAT(error.what(), testing::HasSubstr("576460752303423488 bytes"));
  }
}
#endif

}  // namespace
}  // namespace ptq
