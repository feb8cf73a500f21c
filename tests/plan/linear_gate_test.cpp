#include "plan/linear_gate.h"

#include <limits>

#include <gtest/gtest.h>

namespace ptq {
namespace {

std::optional<LinearGate> hard_sigmoid(float alpha, float beta) {
  Node node{.op_type = "HardSigmoid", .inputs = {"x"}, .outputs = {"y"}};
  node.set_attribute("alpha", alpha);
  node.set_attribute("beta", beta);
  return linear_gate(node);
}

TEST(LinearGate, EndsWhereTheLineMeetsZeroAndOne) {
  const std::optional<LinearGate> gate = hard_sigmoid(0.25F, 0.75F);
  ASSERT_TRUE(gate);
  EXPECT_EQ(gate->zero_below(), 3.0F);
  EXPECT_EQ(gate->one_above(), 1.0F);
}

TEST(LinearGate, DefaultsOfHardSigmoidAndTheGateInsideHardSwish) {
  const std::optional<LinearGate> sigmoid = linear_gate({.op_type = "HardSigmoid"});
  ASSERT_TRUE(sigmoid);
  EXPECT_FLOAT_EQ(sigmoid->zero_below(), 2.5F);
  const std::optional<LinearGate> swish = linear_gate({.op_type = "HardSwish"});
  ASSERT_TRUE(swish);
  EXPECT_EQ(swish->zero_below(), 3.0F);
  EXPECT_FLOAT_EQ(swish->one_above(), 3.0F);
}

TEST(LinearGate, OtherSlopesAndOperatorsAreNone) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(hard_sigmoid(0.0F, 0.5F));
  EXPECT_FALSE(hard_sigmoid(-0.2F, 0.5F));
  EXPECT_FALSE(hard_sigmoid(0.2F, 0.0F));
  EXPECT_FALSE(hard_sigmoid(0.2F, 1.0F));
  EXPECT_FALSE(hard_sigmoid(0.2F, -3.0F));
  EXPECT_FALSE(hard_sigmoid(infinity, 0.5F));
  EXPECT_FALSE(hard_sigmoid(nan, 0.5F));
  EXPECT_FALSE(hard_sigmoid(0.2F, nan));
  EXPECT_FALSE(hard_sigmoid(1e-40F, 0.5F));
  EXPECT_FALSE(linear_gate({.op_type = "Sigmoid"}));
  EXPECT_FALSE(linear_gate({.domain = "com.example", .op_type = "HardSigmoid"}));
}

}  // namespace
}  // namespace ptq
