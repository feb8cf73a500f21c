#include "calib/gram_kernel.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace ptq {
namespace {

using Tile = std::array<int64_t, kGramBlock * kGramBlock>;

// Codes of [rows][16], rows even.
using Codes = std::vector<std::array<int16_t, kGramBlock>>;

std::vector<uint32_t> packed(const Codes& codes) {
  std::vector<uint32_t> out;
  for (size_t row = 0; row < codes.size(); row += 2) {
    for (size_t column = 0; column < kGramBlock; ++column) {
      out.push_back(packed_codes(codes[row][column], codes[row + 1][column]));
    }
  }
  return out;
}

class GramKernelTest : public testing::TestWithParam<GramKernel> {
 protected:
  void expect_exact(const Codes& a, const Codes& b) {
    Tile expected;
    for (size_t k = 0; k < expected.size(); ++k) {
      expected[k] = static_cast<int64_t>(k) << 40;  // adds to what is there, in 64 bits
    }
    Tile sums = expected;
    for (size_t row = 0; row < a.size(); ++row) {
      for (size_t i = 0; i < kGramBlock; ++i) {
        for (size_t j = 0; j < kGramBlock; ++j) {
          expected[i * kGramBlock + j] += int64_t{a[row][i]} * b[row][j];
        }
      }
    }
    GetParam().add_tile(packed(a).data(), packed(b).data(), a.size() / 2, sums.data());
    EXPECT_EQ(sums, expected) << a.size() << " rows";
  }
};

TEST_P(GramKernelTest, EqualsProductsOneByOne) {
  std::mt19937 random(3);
  std::uniform_int_distribution<int> code(-kMaxGramCode, kMaxGramCode);
  for (const size_t pairs : {0U, 1U, 2U, 61U, 62U, 63U, 124U, 125U, 300U}) {
    Codes a(2 * pairs);
    Codes b(2 * pairs);
    for (Codes* codes : {&a, &b}) {
      for (auto& row : *codes) {
        for (int16_t& value : row) {
          value = static_cast<int16_t>(code(random));
        }
      }
    }
    expect_exact(a, b);
  }
}

TEST_P(GramKernelTest, TakesTheLargestCodesOfOneSign) {
  for (const int sign : {-1, 1}) {
    Codes a(1000);
    Codes b(1000);
    for (size_t row = 0; row < a.size(); ++row) {
      a[row].fill(static_cast<int16_t>(kMaxGramCode));
      b[row].fill(static_cast<int16_t>(sign * kMaxGramCode));
    }
    expect_exact(a, b);
  }
}

TEST_P(GramKernelTest, RoundsToCodesHalfToEven) {
  std::mt19937 random(4);
  for (size_t count = 0; count < 70; ++count) {
    std::vector<float> values(count + 1);
    std::vector<float> scales(count + 1);
    for (size_t i = 0; i <= count; ++i) {
      values[i] = static_cast<float>(static_cast<int>(random() % 16385) - 8192) / 2;  // many ties
      scales[i] = 1.0F / static_cast<float>(1 << (random() % 4));
      if (random() % 8 == 0) {
        scales[i] = 0.0F;
        values[i] = random() % 2 == 0 ? std::nanf("") : 1e30F;
      }
    }
    std::vector<int16_t> codes(count + 1, 77);
    const int32_t largest =
        GetParam().code_values(values.data() + 1, scales.data() + 1, count, codes.data() + 1);
    float expected = 0.0F;
    for (size_t i = 1; i <= count; ++i) {
      const float scaled = scales[i] == 0.0F ? 0.0F : values[i] * scales[i];
      ASSERT_EQ(codes[i], static_cast<int16_t>(std::nearbyint(scaled))) << scaled;
      expected = std::max(expected, std::fabs(scaled));
    }
    ASSERT_EQ(std::bit_cast<float>(largest), expected);
    ASSERT_EQ(codes[0], 77);
  }
}

TEST_P(GramKernelTest, ShowsValuesThatAreTooLarge) {
  const std::vector<float> scales(40, 2.0F);
  std::vector<int16_t> codes(40);
  for (size_t at = 0; at < 40; ++at) {
    for (const float odd : {-2049.0F, std::numeric_limits<float>::infinity(), -std::nanf("")}) {
      std::vector<float> values(40, 1.0F);
      values[at] = odd;
      const int32_t largest =
          GetParam().code_values(values.data(), scales.data(), 40, codes.data());
      EXPECT_FALSE(std::bit_cast<float>(largest) <= 4096.5F) << odd << " at " << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, GramKernelTest, testing::ValuesIn(gram_kernels()),
                         [](const auto& version) { return std::string(version.param.name); });

}  // namespace
}  // namespace ptq
