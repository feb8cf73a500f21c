// Block-wise codes against a reference that sees one block at a time, and against each version of
// the inner loops.

#include "quant/block_quantizer.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "quant/block_tile.h"

namespace ptq {
namespace {

using ::testing::HasSubstr;

Tensor random_weight(int64_t rows, int64_t columns, unsigned seed) {
  std::mt19937 random(seed);
  std::student_t_distribution<float> heavy(4.0F);
  std::vector<float> values(static_cast<size_t>(rows * columns));
  for (float& value : values) {
    value = heavy(random);
  }
  return Tensor::from<float>({rows, columns}, std::span<const float>(values));
}

double squared_error(const Tensor& weight, const BlockCodes& blocks) {
  const std::vector<float> decoded = decode_blocks(blocks);
  const std::vector<float> real = to_floats(weight);
  double sum = 0.0;
  for (size_t i = 0; i < real.size(); ++i) {
    sum += std::pow(static_cast<double>(decoded[i]) - static_cast<double>(real[i]), 2.0);
  }
  return sum;
}

const std::vector<BlockScheme> kSchemes = [] {
  std::vector<BlockScheme> out;
  for (const DType dtype : {DType::kInt4, DType::kInt8}) {
    for (const bool symmetric : {false, true}) {
      for (const BlockMethod method : {BlockMethod::kNearest, BlockMethod::kSearch}) {
        out.push_back({.dtype = dtype, .symmetric = symmetric, .method = method});
      }
    }
  }
  return out;
}();

// Every code is the nearest one that its block has, so nothing but scale and zero can be better.
TEST(BlockQuantizer, CodesAreNearestToTheWeights) {
  for (BlockScheme scheme : kSchemes) {
    for (const int64_t block : {16, 32, 0}) {
      scheme.block_size = block;
      const Tensor weight = random_weight(70, 67, 1);
      const BlockCodes blocks = quantize_blocks(weight, ReducedAxis::kFirst, scheme, 1);
      const int levels = scheme.dtype == DType::kInt4 ? 15 : 255;
      const std::vector<float> decoded = decode_blocks(blocks);
      for (int64_t k = 0; k < 70; ++k) {
        for (int64_t n = 0; n < 67; ++n) {
          const auto at = static_cast<size_t>(k * 67 + n);
          const auto parameter = static_cast<size_t>(k / blocks.block_size * 67 + n);
          const double step = std::fabs(static_cast<double>(blocks.scale[parameter]));
          const double off = std::fabs(static_cast<double>(decoded[at] - weight.data<float>()[at]));
          ASSERT_LE(blocks.codes[at], levels);
          if (blocks.codes[at] > 0 && blocks.codes[at] < levels) {
            ASSERT_LE(off, step * 0.5001);
          }
        }
      }
    }
  }
}

TEST(BlockQuantizer, ReportsTheErrorThatItMakes) {
  const Tensor weight = random_weight(100, 65, 2);
  for (const BlockScheme& scheme : kSchemes) {
    const BlockCodes blocks = quantize_blocks(weight, ReducedAxis::kFirst, scheme, 1);
    const double error = squared_error(weight, blocks);
    EXPECT_NEAR(blocks.noise / error, 1.0, 1e-4);  // sums of a block are float32
  }
}

TEST(BlockQuantizer, NeitherAxisNorThreadsNorProcessorChangeAByte) {
  const Tensor weight = random_weight(150, 70, 3);
  std::vector<float> turned;
  for (int64_t n = 0; n < 70; ++n) {
    for (int64_t k = 0; k < 150; ++k) {
      turned.push_back(weight.data<float>()[static_cast<size_t>(k * 70 + n)]);
    }
  }
  const Tensor other = Tensor::from<float>({70, 150}, std::span<const float>(turned));
  for (const BlockScheme& scheme : kSchemes) {
    const BlockCodes one = quantize_blocks(weight, ReducedAxis::kFirst, scheme, 1);
    const BlockCodes three = quantize_blocks(weight, ReducedAxis::kFirst, scheme, 3);
    const BlockCodes back = transposed(quantize_blocks(other, ReducedAxis::kSecond, scheme, 2));
    for (const BlockCodes* same : {&three, &back}) {
      EXPECT_EQ(one.codes, same->codes);
      EXPECT_EQ(one.scale, same->scale);
      EXPECT_EQ(one.zero, same->zero);
    }
    EXPECT_EQ(one.noise, three.noise);
  }
}

TEST(BlockQuantizer, EveryVersionOfTheLoopsGivesTheSameBytes) {
  const Tensor weight = random_weight(32, kTileLanes, 4);
  for (const int levels : {15, 255}) {
    for (const bool symmetric : {false, true}) {
      for (const bool search : {false, true}) {
        const TileGrid grid = {.levels = levels, .symmetric = symmetric, .search = search};
        TileFit first;
        std::vector<uint8_t> codes(32 * kTileLanes);
        tile_kernels().front().fit(weight.data<float>().data(), 32, grid, first, codes.data());
        for (const TileKernel& kernel : tile_kernels()) {
          TileFit fit;
          std::vector<uint8_t> other(codes.size());
          kernel.fit(weight.data<float>().data(), 32, grid, fit, other.data());
          EXPECT_EQ(fit.scale, first.scale) << kernel.name;
          EXPECT_EQ(fit.zero, first.zero) << kernel.name;
          EXPECT_EQ(fit.error, first.error) << kernel.name;
          EXPECT_EQ(other, codes) << kernel.name;
        }
      }
    }
  }
}

// Brute force over 400 steps and all zero points, steps refitted: no search can be much better.
TEST(BlockQuantizer, SearchComesNearTheBestOfAFineGrid) {
  const Tensor weight = random_weight(32, 40, 5);
  const BlockCodes found = quantize_blocks(weight, ReducedAxis::kFirst, {}, 1);
  double best_sum = 0.0;
  for (int64_t n = 0; n < 40; ++n) {
    double best = std::numeric_limits<double>::infinity();
    double most = 0.0;
    for (int64_t k = 0; k < 32; ++k) {
      const double x = static_cast<double>(weight.data<float>()[static_cast<size_t>(k * 40 + n)]);
      most = std::max(most, std::fabs(x));
    }
    for (int i = 1; i <= 400; ++i) {
      const double step = most * i / 400.0 / 7.5;
      for (int zero = 0; zero <= 15; ++zero) {
        double error = 0.0;
        for (int64_t k = 0; k < 32; ++k) {
          const double x =
              static_cast<double>(weight.data<float>()[static_cast<size_t>(k * 40 + n)]);
          const double code =
              std::clamp(std::nearbyint(x / step), -static_cast<double>(zero), 15.0 - zero);
          error += (code * step - x) * (code * step - x);
        }
        best = std::min(best, error);
      }
    }
    best_sum += best;
  }
  EXPECT_LT(found.noise, 1.03 * best_sum);
  const BlockCodes nearest =
      quantize_blocks(weight, ReducedAxis::kFirst, {.method = BlockMethod::kNearest}, 1);
  EXPECT_GT(nearest.noise, 1.05 * found.noise);
}

TEST(BlockQuantizer, MirroredScalesHelpSymmetricCodes) {
  const Tensor weight = random_weight(64, 64, 6);
  const BlockCodes blocks = quantize_blocks(weight, ReducedAxis::kFirst, {.symmetric = true}, 1);
  const auto negative = std::ranges::count_if(blocks.scale, [](float s) { return s < 0.0F; });
  EXPECT_GT(negative, 20);
  EXPECT_LT(negative, 108);
  EXPECT_THAT(blocks.zero, ::testing::Each(8));
}

TEST(BlockQuantizer, EmptyZeroAndTinyBlocksHaveUsableScales) {
  std::vector<float> values(64 * 3, 0.0F);
  for (size_t k = 0; k < 64; ++k) {
    values[k * 3 + 1] = 1e-42F;  // below all normal numbers
    values[k * 3 + 2] = k == 5 ? 3.0F : 0.0F;
  }
  const Tensor weight = Tensor::from<float>({64, 3}, std::span<const float>(values));
  for (const BlockScheme& scheme : kSchemes) {
    const BlockCodes blocks = quantize_blocks(weight, ReducedAxis::kFirst, scheme, 1);
    const std::vector<float> decoded = decode_blocks(blocks);
    for (const float scale : blocks.scale) {
      EXPECT_TRUE(std::isnormal(scale));
    }
    for (size_t k = 0; k < 64; ++k) {
      EXPECT_EQ(decoded[k * 3], 0.0F);
      EXPECT_NEAR(decoded[k * 3 + 2], values[k * 3 + 2], 1e-6F);
    }
  }
  const BlockCodes none =
      quantize_blocks(Tensor(DType::kFloat, {0, 4}), ReducedAxis::kFirst, {}, 1);
  EXPECT_TRUE(none.codes.empty());
}

TEST(BlockQuantizer, HalfPrecisionScalesAreFloat16Numbers) {
  const Tensor weight = random_weight(64, 5, 7);
  const BlockCodes blocks =
      quantize_blocks(weight, ReducedAxis::kFirst, {.scale_dtype = DType::kFloat16}, 1);
  for (const float scale : blocks.scale) {
    EXPECT_EQ(round_scale(scale, DType::kFloat16), scale);
  }
  EXPECT_EQ(round_scale(1.0F + 1.0F / 2048.0F, DType::kFloat16),
            1.0F);  // a tie goes to the even one
  EXPECT_EQ(round_scale(1.0F + 3.0F / 2048.0F, DType::kFloat16), 1.0F + 4.0F / 2048.0F);
  EXPECT_EQ(round_scale(-1e9F, DType::kFloat16), -65504.0F);
  EXPECT_EQ(round_scale(1e-9F, DType::kFloat16), 6.103515625e-05F);
  EXPECT_EQ(round_scale(1.0F + 1.0F / 128.0F, DType::kBfloat16), 1.0F + 1.0F / 128.0F);
  EXPECT_EQ(round_scale(1.0F + 1.0F / 256.0F, DType::kBfloat16), 1.0F);
}

TEST(BlockQuantizer, NamesTheElementThatIsNoNumber) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Tensor weight = random_weight(70, 70, 8);
    weight.mutable_data<float>()[66 * 70 + 68] = bad;
    for (const BlockScheme& scheme : kSchemes) {
      try {
        quantize_blocks(weight, ReducedAxis::kFirst, scheme, 2);
        FAIL() << "no error";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kInput);
        EXPECT_THAT(error.what(), HasSubstr("[66, 68]"));
      }
    }
  }
}

}  // namespace
}  // namespace ptq
