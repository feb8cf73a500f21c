#include "diagnose/weight_profile.h"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "quant/weight_quantizer.h"

namespace ptq {
namespace {

Tensor normal(Shape shape, uint32_t seed) {
  Tensor tensor(DType::kFloat, std::move(shape));
  std::mt19937 random(seed);
  std::normal_distribution<float> next;
  for (float& value : tensor.mutable_data<float>()) {
    value = next(random);
  }
  return tensor;
}

TEST(WeightProfile, EightBitsEqualTheQuantizerOnEveryAxis) {
  const Tensor weight = normal({6, 5, 3, 2}, 1);
  for (const int64_t axis : {int64_t{0}, int64_t{1}, int64_t{3}, int64_t{-1}}) {
    const WeightProfile profile = profile_weight("w", weight, axis);
    const QuantizedWeight quantized = quantize_weight(
        weight, {.dtype = DType::kInt8, .symmetric = true, .narrow_range = true}, axis);
    // Scales are float32 there and double here.
    EXPECT_NEAR(profile.channel_db_8, quantized.sqnr_db, 1e-3) << axis;
    const QuantizedWeight four = quantize_weight(
        weight, {.dtype = DType::kInt8, .symmetric = true, .narrow_range = true, .code_limit = 7},
        axis);
    EXPECT_NEAR(profile.channel_db_4, four.sqnr_db, 1e-3) << axis;
  }
}

TEST(WeightProfile, GroupsOfAllOfARowAreTheChannel) {
  const WeightProfile profile = profile_weight("w", normal({4, kWeightGroup}, 2), 0);
  EXPECT_DOUBLE_EQ(profile.group_db_4, profile.channel_db_4);
}

TEST(WeightProfile, GroupsHelpWhereOneWeightIsLarge) {
  Tensor weight = normal({4, 256}, 3);
  weight.mutable_data<float>()[7] = 50.0F;
  const WeightProfile profile = profile_weight("w", weight, 0);
  EXPECT_GT(profile.group_db_4, profile.channel_db_4 + 3.0);
}

TEST(WeightProfile, ChannelMaximaAscendAndManyAreCutToQuantiles) {
  // Channel c of 4 · 16 + 1 = 65 has absmax 64 − c, so quantile i of 17 is 4 · i.
  std::vector<float> values;
  for (int c = 0; c < 65; ++c) {
    values.insert(values.end(), {0.0F, static_cast<float>(c - 64)});
  }
  const WeightProfile many = profile_weight("w", Tensor::from<float>({65, 2}, values), 0);
  ASSERT_EQ(many.channel_absmax.size(), kChannelQuantiles);
  for (size_t i = 0; i < kChannelQuantiles; ++i) {
    EXPECT_EQ(many.channel_absmax[i], 4.0F * static_cast<float>(i));
  }
  const std::vector<float> three = {1.0F, -5.0F, 3.0F};
  EXPECT_EQ(profile_weight("w", Tensor::from<float>({3, 1}, three), 0).channel_absmax,
            (std::vector<float>{1.0F, 3.0F, 5.0F}));
  EXPECT_EQ(profile_weight("w", Tensor::from<float>({3, 1}, three), -1).channel_absmax,
            std::vector<float>{5.0F});
}

TEST(WeightProfile, SpreadAndDeadChannels) {
  // Channels along axis 1 with absmax 1, 2, 0 and 8.
  const std::vector<float> values = {1.0F, -2.0F, 0.0F, 8.0F, 0.5F, 1.0F, 0.0F, -4.0F};
  const WeightProfile profile = profile_weight("w", Tensor::from<float>({2, 4}, values), 1);
  EXPECT_EQ(profile.channels, 4);
  EXPECT_EQ(profile.dead_channels, 1);
  EXPECT_DOUBLE_EQ(profile.spread, 4.0);  // 8 by the median of 1, 2, 8
  EXPECT_DOUBLE_EQ(profile.power, (1.0 + 4.0 + 64.0 + 0.25 + 1.0 + 16.0) / 8.0);
}

TEST(WeightProfile, TakesWhatIsNoUsualWeight) {
  const std::vector<float> bad = {1.0F, std::numeric_limits<float>::infinity()};
  EXPECT_FALSE(profile_weight("w", Tensor::from<float>({2, 1}, bad), 0).finite);
  const WeightProfile zeros = profile_weight("w", Tensor(DType::kFloat, {3, 2}), 0);
  EXPECT_EQ(zeros.dead_channels, 3);
  EXPECT_EQ(zeros.spread, 1.0);
  EXPECT_EQ(zeros.channel_db_8, std::numeric_limits<double>::infinity());
  EXPECT_EQ(profile_weight("w", Tensor(DType::kFloat, {0, 2}), 0).values, 0U);
}

}  // namespace
}  // namespace ptq
