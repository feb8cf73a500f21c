// Pair limits against an emulation of the instruction that saturates, and against exhaustive
// search.
#include "quant/pair_limit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "quant/weight_quantizer.h"

namespace ptq {
namespace {

constexpr QuantScheme kInt8 = {.dtype = DType::kInt8, .symmetric = true, .narrow_range = true};

// One lane of VPMADDUBSW.
int32_t saturating_pair(uint8_t a0, int8_t w0, uint8_t a1, int8_t w1) {
  return std::clamp(a0 * w0 + a1 * w1, -32768, 32767);
}

std::vector<float> random_row(size_t count, std::mt19937& random, float spread) {
  std::normal_distribution<float> normal(0.0F, spread);
  std::vector<float> row(count);
  std::ranges::generate(row, [&] { return normal(random); });
  return row;
}

ReductionOrder contiguous(size_t rows, size_t depth) {
  ReductionOrder order;
  for (size_t r = 0; r < rows; ++r) {
    order.first.push_back(r * depth);
  }
  for (size_t k = 0; k < depth; ++k) {
    order.step.push_back(k);
  }
  return order;
}

TEST(PairLimit, TheLimitIsTheLargestThatNoActivationSaturates) {
  const auto pair_of = [](int32_t sum) { return std::pair<int, int>{sum / 2, sum - sum / 2}; };
  const auto [a, b] = pair_of(kSafePairSum);
  for (const int sign : {1, -1}) {
    const auto safe =
        saturating_pair(255, static_cast<int8_t>(sign * a), 255, static_cast<int8_t>(sign * b));
    EXPECT_EQ(safe, sign * 255 * kSafePairSum);
    const auto unsafe = saturating_pair(255, static_cast<int8_t>(sign * a), 255,
                                        static_cast<int8_t>(sign * (b + 1)));
    EXPECT_NE(unsafe, sign * 255 * (kSafePairSum + 1));
  }
  EXPECT_TRUE(pair_saturates(127, 2));
  EXPECT_FALSE(pair_saturates(127, 1));
  EXPECT_FALSE(pair_saturates(127, -127));  // 255 · 127 fits
}

TEST(PairLimit, CodesOfRandomWeightsNeverSaturate) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> any(0, 255);
  for (const size_t depth : {1UL, 2UL, 7UL, 64UL, 145UL}) {
    Tensor weight(DType::kFloat, {8, static_cast<int64_t>(depth)});
    std::ranges::copy(random_row(8 * depth, random, 1.0F), weight.mutable_data<float>().begin());
    const ReductionOrder order = contiguous(8, depth);
    const QuantizedWeight limited =
        quantize_weight(weight, kInt8, 0, {.order = order, .pair_limited = true});
    const std::span<const int8_t> codes = limited.codes.data<int8_t>();
    EXPECT_LE(largest_pair_sum(codes, order), kSafePairSum);
    for (size_t i = 0; i + 1 < codes.size(); ++i) {
      if (i % depth % 2 != 0 || i % depth + 1 == depth) {
        continue;
      }
      for (const int activation : {255, any(random)}) {
        const auto a = static_cast<uint8_t>(activation);
        EXPECT_EQ(saturating_pair(a, codes[i], 255, codes[i + 1]),
                  a * codes[i] + 255 * codes[i + 1]);
      }
    }
  }
}

TEST(PairLimit, ARoundedPairIsTheBestOfAllAllowedPairs) {
  std::mt19937 random(2);
  std::uniform_real_distribution<float> uniform(-127.0F, 127.0F);
  for (int trial = 0; trial < 200; ++trial) {
    const std::vector<float> row = {uniform(random), uniform(random)};
    std::vector<int32_t> codes(2);
    round_pair_limited(row, codes);
    const auto error = [&](int a, int b) {
      return std::pow(row[0] - static_cast<float>(a), 2.0F) +
             std::pow(row[1] - static_cast<float>(b), 2.0F);
    };
    float least = std::numeric_limits<float>::infinity();
    for (int a = -127; a <= 127; ++a) {
      for (int b = -127; b <= 127; ++b) {
        least = pair_saturates(a, b) ? least : std::min(least, error(a, b));
      }
    }
    ASSERT_FALSE(pair_saturates(codes[0], codes[1])) << row[0] << " " << row[1];
    ASSERT_NEAR(error(codes[0], codes[1]), least, 1e-3F) << row[0] << " " << row[1];
  }
}

TEST(PairLimit, CostsFarLessThanSevenBits) {
  std::mt19937 random(3);
  Tensor weight(DType::kFloat, {32, 288});
  std::ranges::copy(random_row(32 * 288, random, 0.1F), weight.mutable_data<float>().begin());
  QuantScheme seven_bits = kInt8;
  seven_bits.code_limit = 64;
  const double full = quantize_weight(weight, kInt8, 0).sqnr_db;
  const double reduced = quantize_weight(weight, seven_bits, 0).sqnr_db;
  const double limited =
      quantize_weight(weight, kInt8, 0, {.order = contiguous(32, 288), .pair_limited = true})
          .sqnr_db;
  EXPECT_GT(limited, full - 3.0);
  EXPECT_LT(reduced, full - 5.0);
}

TEST(PairLimit, LeavesAloneWhatCannotSaturate) {
  const std::vector<float> values = {127.0F, 1.0F, -127.0F, 100.0F, 64.0F, 64.0F};
  const Tensor weight = Tensor::from<float>({1, 6}, values);
  const QuantizedWeight limited =
      quantize_weight(weight, kInt8, 0, {.order = contiguous(1, 6), .pair_limited = true});
  EXPECT_EQ(limited.sqnr_db, std::numeric_limits<double>::infinity());
}

TEST(PairLimit, OneScaleForManyRowsIsLimitedInEachOfThem) {
  std::mt19937 random(4);
  Tensor weight(DType::kFloat, {3, 4, 5});  // three matrices [K, N], reduced along K
  std::ranges::copy(random_row(60, random, 1.0F), weight.mutable_data<float>().begin());
  ReductionOrder order;
  for (size_t m = 0; m < 3; ++m) {
    for (size_t n = 0; n < 5; ++n) {
      order.first.push_back(20 * m + n);
    }
  }
  order.step = {0, 5, 10, 15};
  const QuantizedWeight limited =
      quantize_weight(weight, kInt8, -1, {.order = order, .pair_limited = true});
  EXPECT_EQ(limited.params.scale.size(), 1U);
  EXPECT_LE(largest_pair_sum(limited.codes.data<int8_t>(), order), kSafePairSum);
  EXPECT_GT(limited.sqnr_db, 30.0);
}

}  // namespace
}  // namespace ptq
