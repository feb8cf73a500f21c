#include "calib/token_mask.h"

#include <numeric>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = TokenAxes::Kind;

TokenMask mask_of(int64_t batch, int64_t length, const std::vector<int64_t>& real) {
  return {Tensor::from<int64_t>({batch, length}, real), "mask"};
}

// Values that count, where value i is i.
std::vector<float> kept(const TokenMask& mask, const Shape& shape, const Shape& declared = {},
                        bool varies = false) {
  std::vector<float> values(static_cast<size_t>(element_count(shape)));
  std::iota(values.begin(), values.end(), 0.0F);
  std::vector<float> out;
  mask.for_each_kept(
      shape, mask.find_axes(shape, declared, varies), values,
      [&](std::span<const float> piece) { out.insert(out.end(), piece.begin(), piece.end()); });
  return out;
}

TEST(TokenMask, KeepsRealTokens) {
  const TokenMask mask = mask_of(2, 3, {1, 1, 0, 1, 0, 1});
  EXPECT_THAT(kept(mask, {2, 3, 2}), ElementsAre(0, 1, 2, 3, 6, 7, 10, 11));
  EXPECT_THAT(kept(mask, {2, 3}), ElementsAre(0, 1, 3, 5));
  EXPECT_THAT(kept(mask, {6, 1}), ElementsAre(0, 1, 3, 5)) << "batch and tokens in one axis";
}

TEST(TokenMask, KeepsPairsOfRealTokens) {
  const TokenMask mask = mask_of(1, 3, {1, 0, 1});
  EXPECT_THAT(kept(mask, {1, 1, 3, 3}), ElementsAre(0, 2, 6, 8));
  EXPECT_THAT(kept(mask, {2, 1, 3, 3}), ElementsAre(0, 2, 6, 8, 9, 11, 15, 17))
      << "heads folded into the batch";
}

TEST(TokenMask, CountsAllOfAValueWithoutTokens) {
  const TokenMask mask = mask_of(2, 3, {1, 1, 0, 1, 0, 1});
  for (const Shape& shape : {Shape{2, 5}, Shape{4}, Shape{}, Shape{3, 4}}) {
    EXPECT_EQ(mask.find_axes(shape, {}, false).kind, Kind::kNone) << shape_text(shape);
    EXPECT_EQ(kept(mask, shape).size(), static_cast<size_t>(element_count(shape)));
  }
}

TEST(TokenMask, AFixedAxisOfTheSameSizeIsNoAxisOfTokens) {
  const TokenMask mask = mask_of(1, 4, {1, 1, 0, 0});
  // Heads of width 4 beside 4 tokens.
  EXPECT_EQ(mask.find_axes(Shape{1, 2, 4, 4}, Shape{-1, 2, -1, 4}, true).kind, Kind::kTokens);
  EXPECT_EQ(mask.find_axes(Shape{1, 2, 4, 4}, Shape{-1, 2, -1, 4}, true).axis, 2U);
  EXPECT_EQ(mask.find_axes(Shape{1, 2, 4, 4}, Shape{-1, 2, -1, -1}, true).kind, Kind::kPairs);
  EXPECT_EQ(mask.find_axes(Shape{4, 7}, Shape{4, 7}, true).kind, Kind::kNone);
  EXPECT_EQ(mask.find_axes(Shape{4, 7}, Shape{4, 7}, false).kind, Kind::kTokens);
}

TEST(TokenMask, EqualsBruteForce) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const auto batch = static_cast<int64_t>(1 + random() % 3);
    const auto length = static_cast<int64_t>(5 + random() % 3);  // unlike other axes
    const auto heads = static_cast<int64_t>(1 + random() % 3);
    const auto width = static_cast<int64_t>(1 + random() % 4);
    std::vector<int64_t> real(static_cast<size_t>(batch * length));
    for (int64_t& each : real) {
      each = static_cast<int64_t>(random() % 2);
    }
    const TokenMask mask = mask_of(batch, length, real);
    std::vector<float> tokens;
    std::vector<float> pairs;
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t h = 0; h < heads; ++h) {
        for (int64_t t = 0; t < length; ++t) {
          for (int64_t w = 0; real[static_cast<size_t>(b * length + t)] != 0 && w < width; ++w) {
            tokens.push_back(static_cast<float>(((b * heads + h) * length + t) * width + w));
          }
          for (int64_t u = 0; u < length; ++u) {
            if (real[static_cast<size_t>(b * length + t)] != 0 &&
                real[static_cast<size_t>(b * length + u)] != 0) {
              pairs.push_back(static_cast<float>(((b * heads + h) * length + t) * length + u));
            }
          }
        }
      }
    }
    EXPECT_EQ(kept(mask, {batch, heads, length, width}), tokens);
    EXPECT_EQ(kept(mask, {batch * heads, length, width}), tokens);
    EXPECT_EQ(kept(mask, {batch, heads, length, length}), pairs);
  }
}

TEST(TokenMask, AnEmptyMaskKeepsNothing) {
  EXPECT_THAT(kept(mask_of(1, 2, {0, 0}), {1, 2, 3}), IsEmpty());
}

TEST(TokenMask, RefusesWhatIsNoMask) {
  EXPECT_THROW(TokenMask(Tensor(DType::kInt64, {3}), "mask"), Error);
  EXPECT_THROW(TokenMask(Tensor(DType::kInt64, {1, 2, 3}), "mask"), Error);
}

}  // namespace
}  // namespace ptq
