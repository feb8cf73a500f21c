#include "plan/weight_choice.h"

#include <random>

#include <gtest/gtest.h>

#include "plan/reduction_order.h"

namespace ptq {
namespace {

Tensor matrix(const Shape& shape, double outlier_share, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::bernoulli_distribution outlier(outlier_share);
  Tensor weight(DType::kFloat, shape);
  for (float& value : weight.mutable_data<float>()) {
    value = normal(random) * (outlier(random) ? 30.0F : 1.0F);
  }
  return weight;
}

const Node kMatMul = {.op_type = "MatMul"};

TEST(ChooseWeight, BellShapedWeightsGetLimitedInt8) {
  const Tensor weight = matrix({256, 16}, 0.0, 1);
  const WeightChoice choice =
      choose_weight(weight, 1, reduction_order(kMatMul, weight.shape()), WeightForm::kInt8Safe);
  EXPECT_EQ(choice.scheme.dtype, DType::kInt8);
  EXPECT_TRUE(choice.pair_limited);
  EXPECT_NE(choice.reason.find("128"), std::string::npos);
}

TEST(ChooseWeight, WhatCannotSaturateIsLeftAlone) {
  // Signs alternate along the reduced axis, so no neighbours add up.
  Tensor weight = matrix({64, 4}, 0.0, 2);
  for (size_t i = 0; i < 256; ++i) {
    float& value = weight.mutable_data<float>()[i];
    value = std::abs(value) * (i / 4 % 2 == 0 ? 1.0F : -1.0F);
  }
  const WeightChoice choice =
      choose_weight(weight, 1, reduction_order(kMatMul, weight.shape()), WeightForm::kInt8Safe);
  EXPECT_EQ(choice.scheme.dtype, DType::kInt8);
  EXPECT_FALSE(choice.pair_limited);
  EXPECT_FALSE(choose_weight(weight, 1, {}, WeightForm::kInt8Safe).pair_limited);
}

TEST(ChooseWeight, LargeNeighboursAmongSmallWeightsGetExactUint8) {
  // Two equal outliers side by side in every column: the limit would halve the resolution of all.
  Tensor weight = matrix({64, 4}, 0.0, 3);
  for (size_t i = 0; i < 8; ++i) {
    weight.mutable_data<float>()[i] = 12.0F;
  }
  const WeightChoice choice =
      choose_weight(weight, 1, reduction_order(kMatMul, weight.shape()), WeightForm::kInt8Safe);
  EXPECT_EQ(choice.scheme.dtype, DType::kUint8) << choice.reason;
  EXPECT_FALSE(choice.pair_limited);
}

TEST(ChooseWeight, AFormThatWasAskedForIsTaken) {
  const Tensor weight = matrix({64, 4}, 0.0, 4);
  const ReductionOrder order = reduction_order(kMatMul, weight.shape());
  EXPECT_EQ(choose_weight(weight, 1, order, WeightForm::kUint8).scheme.dtype, DType::kUint8);
  EXPECT_FALSE(choose_weight(weight, 1, order, WeightForm::kInt8).pair_limited);
  EXPECT_EQ(choose_weight(weight, 1, order, WeightForm::kInt8Reduced).scheme.code_limit, 64);
}

}  // namespace
}  // namespace ptq
