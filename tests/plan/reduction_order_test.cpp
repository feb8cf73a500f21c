// Which weights are neighbours in the kernels. That the kernels of the linked runtime run in this
// order is checked where it can be seen, on x86 without VNNI: tests/transform/saturation_test.cpp.
#include "plan/reduction_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ReductionOrder, ConvRunsOverPositionsThenChannels) {
  const Node conv = {.op_type = "Conv"};
  const ReductionOrder order = reduction_order(conv, {2, 3, 1, 2});
  EXPECT_THAT(order.first, ElementsAre(0, 6));
  EXPECT_THAT(order.step, ElementsAre(0, 2, 4, 1, 3, 5));
}

TEST(ReductionOrder, MatricesRunAlongTheReducedAxis) {
  Node gemm = {.op_type = "Gemm"};
  EXPECT_THAT(reduction_order(gemm, {3, 2}).first, ElementsAre(0, 1));
  EXPECT_THAT(reduction_order(gemm, {3, 2}).step, ElementsAre(0, 2, 4));
  gemm.set_attribute("transB", int64_t{1});
  EXPECT_THAT(reduction_order(gemm, {3, 2}).first, ElementsAre(0, 2, 4));
  EXPECT_THAT(reduction_order(gemm, {3, 2}).step, ElementsAre(0, 1));
  const Node matmul = {.op_type = "MatMul"};
  EXPECT_THAT(reduction_order(matmul, {2, 3, 2}).first, ElementsAre(0, 1, 6, 7));
  EXPECT_THAT(reduction_order(matmul, {2, 3, 2}).step, ElementsAre(0, 2, 4));
}

TEST(ReductionOrder, OtherOperatorsAndEmptyWeightsHaveNone) {
  EXPECT_THAT(reduction_order({.op_type = "ConvTranspose"}, {2, 3, 1, 2}).first, IsEmpty());
  EXPECT_THAT(reduction_order({.op_type = "MatMul"}, {0, 3}).first, IsEmpty());
}

TEST(ReductionOrder, OnlyDepthwiseConvIsExact) {
  Node conv = {.op_type = "Conv"};
  EXPECT_TRUE(adds_in_16_bits(conv, {8, 1, 3, 3}));
  conv.set_attribute("group", int64_t{8});
  EXPECT_FALSE(adds_in_16_bits(conv, {8, 1, 3, 3}));
  EXPECT_TRUE(adds_in_16_bits(conv, {16, 1, 3, 3}));  // two outputs a group
  EXPECT_TRUE(adds_in_16_bits({.op_type = "MatMul"}, {8, 1}));
}

}  // namespace
}  // namespace ptq
