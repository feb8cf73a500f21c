#include "data/sample_check.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/npy_writer.h"

namespace ptq {
namespace {

using ::ptq::testing::error_of;
using ::testing::HasSubstr;

Tensor of_bits(DType dtype, const std::vector<uint16_t>& bits) {
  Tensor tensor(dtype, {static_cast<int64_t>(bits.size())});
  std::memcpy(tensor.mutable_bytes().data(), bits.data(), bits.size() * 2);
  return tensor;
}

TEST(FindNonfinite, FindsTheFirstInEveryPlaceAndOnlyThat) {
  // 2,500 elements are more than two of the blocks that are scanned at a time.
  std::vector<float> values(2500, std::numeric_limits<float>::max());
  values[0] = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(find_nonfinite(Tensor::from<float>({2500}, values)), std::nullopt);
  for (const size_t place : {0U, 1U, 1023U, 1024U, 2047U, 2048U, 2499U}) {
    std::vector<float> bad = values;
    bad[place] = std::nanf("");
    bad[2499] = std::numeric_limits<float>::infinity();
    EXPECT_EQ(find_nonfinite(Tensor::from<float>({2500}, bad)), static_cast<int64_t>(place));
  }
}

TEST(FindNonfinite, KnowsEveryFloatingType) {
  const std::vector<double> doubles = {1e308, -std::numeric_limits<double>::infinity()};
  EXPECT_EQ(find_nonfinite(Tensor::from<double>({2}, doubles)), 1);
  EXPECT_EQ(find_nonfinite(of_bits(DType::kFloat16, {0x7bff, 0xfbff, 0x7c00})), 2);
  EXPECT_EQ(find_nonfinite(of_bits(DType::kFloat16, {0x7bff, 0xfe00})), 1);
  EXPECT_EQ(find_nonfinite(of_bits(DType::kBfloat16, {0x7c00, 0x7f7f, 0xff80})), 2);
  EXPECT_EQ(find_nonfinite(of_bits(DType::kInt16, {0x7c00, 0x7f80})), std::nullopt);
  EXPECT_EQ(find_nonfinite(Tensor(DType::kFloat, {0})), std::nullopt);
}

TEST(CheckValues, NamesTheIndexInTheWholeArray) {
  std::vector<float> values(24, 1.0F);
  values[12 + 4 + 3] = std::nanf("");
  const Tensor rows = Tensor::from<float>({2, 3, 4}, values);
  EXPECT_THAT(error_of([&] { check_values(rows, 10, false, "f.npz: key 'x'"); }),
              AllOf(HasSubstr("f.npz: key 'x'"), HasSubstr("index [11,1,3]")));
  check_values(rows, 10, true, "f.npz: key 'x'");
  EXPECT_THAT(
      error_of([&] { check_values(Tensor::scalar(std::nanf("")), 0, false, "f.npz: key 'x'"); }),
      HasSubstr("index []"));
}

TEST(CheckValues, RefusesBoolsThatAreNeither0Nor1) {
  Tensor flags(DType::kBool, {2, 2});
  flags.mutable_bytes()[3] = std::byte{1};
  check_values(flags, 0, false, "f");
  flags.mutable_bytes()[2] = std::byte{7};
  EXPECT_THAT(error_of([&] { check_values(flags, 0, true, "f"); }),
              AllOf(HasSubstr("found 7"), HasSubstr("[1,0]")));
}

TEST(SampleHash, TellsNameTypeShapeAndValueApart) {
  const auto hash = [](const std::string& name, const Tensor& tensor) {
    return sample_hash({.origin = "o", .inputs = {{name, tensor}}});
  };
  const Tensor base = Tensor::from<float>({2}, std::vector<float>{0, 0});
  EXPECT_EQ(hash("x", base), hash("x", Tensor(DType::kFloat, {2})));
  EXPECT_NE(hash("x", base), hash("y", base));
  EXPECT_NE(hash("x", base), hash("x", base.reshaped({1, 2})));
  EXPECT_NE(hash("x", base), hash("x", Tensor(DType::kInt32, {2})));
}

}  // namespace
}  // namespace ptq
