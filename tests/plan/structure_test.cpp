#include "plan/structure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/infer_shapes.h"
#include "onnx_io/text_model.h"

namespace ptq {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Structure structure_of(const std::string& body, const std::vector<std::string>& keep_float = {}) {
  static Model model;  // the structure names positions of its graph only
  model = parse_text_model("<ir_version: 8, opset_import: [\"\" : 13]>\n" + body);
  infer_shapes(model);
  return analyze_structure(model.graph, keep_float, targets().front());
}

constexpr const char* kConvRelu =
    "g (float[1,2,4,4] x) => (float[1,2,4,4] y)\n"
    "<float[2,2,1,1] w = {1,2,3,4}, float[2,2,1,1] v = {1,2,3,4}>\n"
    "{ a = Conv(x, w)\n b = Relu(a)\n y = Conv(b, v) }";

TEST(Structure, ReluIsAbsorbedByTheConvBeforeIt) {
  const Structure structure = structure_of(kConvRelu);
  EXPECT_TRUE(structure.nodes[0].integer);
  EXPECT_EQ(structure.nodes[0].activation, 1U);
  EXPECT_TRUE(structure.nodes[1].integer);
  EXPECT_THAT(values_to_observe(structure), ElementsAre("x", "b", "y"));
}

TEST(Structure, KeepFloatTakesTheNodeOut) {
  const Structure structure = structure_of(kConvRelu, {"a"});
  EXPECT_FALSE(structure.nodes[0].integer);
  EXPECT_THAT(structure.nodes[0].reason, HasSubstr("as asked"));
  // The second Conv still runs in integers and reads the float Relu through a pair of its own.
  EXPECT_THAT(values_to_observe(structure), ElementsAre("b", "y"));
}

TEST(Structure, ElementwiseNeedsIntegerNeighboursOnBothSides) {
  const Structure both = structure_of(
      "g (float[1,2,4,4] x) => (float[1,2,4,4] y)\n"
      "<float[2,2,1,1] w = {1,2,3,4}>\n"
      "{ a = Conv(x, w)\n b = Conv(x, w)\n c = Add(a, b)\n y = Conv(c, w) }");
  EXPECT_TRUE(both.nodes[2].integer);
  const Structure one = structure_of(
      "g (float[1,2,4,4] x) => (float[1,2,4,4] y)\n"
      "<float[2,2,1,1] w = {1,2,3,4}>\n"
      "{ a = Conv(x, w)\n b = Conv(x, w)\n y = Add(a, b) }");
  EXPECT_FALSE(one.nodes[2].integer);
}

TEST(Structure, PassThroughSharesItsInput) {
  const Structure structure = structure_of(
      "g (float[1,2,4,4] x) => (float[1,2,2,2] y)\n"
      "<float[2,2,1,1] w = {1,2,3,4}>\n"
      "{ a = Conv(x, w)\n b = MaxPool<kernel_shape=[2,2], strides=[2,2]>(a)\n y = Conv(b, w) }");
  EXPECT_TRUE(structure.nodes[1].integer);
  EXPECT_THAT(values_to_observe(structure), ElementsAre("x", "a", "y"));
  EXPECT_EQ(structure.values[2].value, "b");
  EXPECT_EQ(structure.values[2].shares, "a");
}

TEST(Structure, ChainOfNeighboursWithoutIntegerEndIsPruned) {
  const Structure structure = structure_of(
      "g (float[1,2,4,4] x) => (float[1,2,2,2] y)\n"
      "<float[2,2,1,1] w = {1,2,3,4}>\n"
      "{ a = Conv(x, w)\n b = Add(a, a)\n c = MaxPool<kernel_shape=[2,2], strides=[2,2]>(b)\n"
      "  y = Tanh(c) }");
  EXPECT_TRUE(structure.nodes[0].integer);
  EXPECT_FALSE(structure.nodes[1].integer);
  EXPECT_FALSE(structure.nodes[2].integer);
  EXPECT_THAT(structure.nodes[3].reason, HasSubstr("no integer kernel"));
}

TEST(Structure, HardSigmoidIsAGateOnlyWhereItStillMovesAtZero) {
  const auto gate = [](const std::string& attributes) {
    const Structure structure = structure_of(
        "g (float[1,2,4,4] x) => (float[1,2,4,4] y)\n<float[2,2,1,1] w = {1,2,3,4}>\n"
        "{ a = Conv(x, w)\n b = HardSigmoid" +
        attributes + "(a)\n y = Conv(b, w) }");
    return std::pair(structure.nodes[1].integer, structure.nodes[1].reason);
  };
  EXPECT_TRUE(gate("").first);
  EXPECT_TRUE(gate("<alpha=0.5, beta=0.25>").first);
  EXPECT_FALSE(gate("<alpha=-0.2>").first);
  EXPECT_FALSE(gate("<beta=1.5>").first);
  EXPECT_THAT(gate("<beta=0.0>").second, HasSubstr("0 or 1 at 0 already"));
}

TEST(Structure, MaxPoolBehindAGateNeedsAConvBehindIt) {
  const auto pool = [](const std::string& tail) {
    const Structure structure = structure_of(
        "g (float[1,2,4,4] x) => (float y)\n<float[2,2,1,1] w = {1,2,3,4}, float[2,2] v = "
        "{1,2,3,4}>\n"
        "{ a = Conv(x, w)\n s = Sigmoid(a)\n b = MaxPool<kernel_shape=[2,2], strides=[2,2]>(s)\n" +
        tail + " }");
    return std::pair(structure.nodes[2].integer, structure.nodes[2].reason);
  };
  EXPECT_TRUE(pool("y = Conv(b, w)").first);
  EXPECT_TRUE(pool("p = GlobalAveragePool(b)\n q = Relu(p)\n y = Conv(q, w)").first);
  const auto [integer, reason] = pool("p = GlobalAveragePool(b)\n f = Flatten(p)\n y = Gemm(f, v)");
  EXPECT_FALSE(integer);
  EXPECT_THAT(reason, HasSubstr("no Conv beside it"));
}

TEST(Structure, ReasonsForFloat) {
  const Structure weight = structure_of(
      "g (float[1,2,4,4] x, float[2,2,1,1] w) => (float[1,2,4,4] y)\n{ y = Conv(x, w) }");
  EXPECT_FALSE(weight.nodes[0].integer);
  EXPECT_THAT(weight.nodes[0].reason, HasSubstr("not a constant"));
  const Structure type = structure_of(
      "g (double[2,2] x) => (double[2,2] y)\n<double[2,2] w = {1,2,3,4}>\n{ y = MatMul(x, w) }");
  EXPECT_THAT(type.nodes[0].reason, HasSubstr("float64"));
  const Structure gemm = structure_of(
      "g (float[2,2] x) => (float[2,2] y)\n<float[2,2] w = {1,2,3,4}>\n"
      "{ y = Gemm<transA=1>(x, w) }");
  EXPECT_THAT(gemm.nodes[0].reason, HasSubstr("transA"));
}

TEST(Structure, ClipThatHidesZeroStaysApart) {
  const Structure structure = structure_of(
      "g (float[1,2,4,4] x) => (float[1,2,4,4] y)\n"
      "<float[2,2,1,1] w = {1,2,3,4}, float lo = {1}, float hi = {6}>\n"
      "{ a = Conv(x, w)\n b = Clip(a, lo, hi)\n y = Conv(b, w) }");
  EXPECT_EQ(structure.nodes[0].activation, GraphIndex::npos);
  EXPECT_FALSE(structure.nodes[1].integer);
  EXPECT_THAT(values_to_observe(structure), ElementsAre("x", "a", "b", "y"));
}

}  // namespace
}  // namespace ptq
