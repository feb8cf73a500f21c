#include "plan/useful_interval.h"

#include <gtest/gtest.h>

#include "onnx_io/text_model.h"

namespace ptq {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Case {
  std::string name;
  std::string body;  // from x to y
  float lo;
  float hi;
};

std::ostream& operator<<(std::ostream& out, const Case& test) {
  return out << test.name;
}

class Interval : public ::testing::TestWithParam<Case> {};

TEST_P(Interval, IsTheHullOfWhatTheUsesTellApart) {
  const Case& test = GetParam();
  const Model model = parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 14]>\ng (float[2,3] x) => (float[2,3] y)\n"
      "<float three = {3}, float six = {6}, float zero = {0}, float[3] vector = {1,2,3}>\n{ " +
      test.body + " }");
  const GraphIndex index(model.graph);
  const UsefulInterval interval = useful_interval(index, "x");
  EXPECT_FLOAT_EQ(interval.lo, test.lo);
  EXPECT_FLOAT_EQ(interval.hi, test.hi);
}

INSTANTIATE_TEST_SUITE_P(
    Uses, Interval,
    ::testing::Values(
        Case{"HardSwish", "y = HardSwish(x)", -3.0F, kInfinity},
        Case{"HardSigmoid", "y = HardSigmoid<alpha=0.25, beta=0.5>(x)", -2.0F, 2.0F},
        Case{"HardSigmoidGate", "g = HardSigmoid<alpha=0.25, beta=0.5>(x)\n y = Mul(x, g)", -2.0F,
             kInfinity},
        Case{"SiLU", "g = Sigmoid(x)\n y = Mul(g, x)", -8.0F, kInfinity},
        Case{"Clip", "y = Clip(x, zero, six)", 0.0F, 6.0F},
        Case{"AnotherUseTellsAllApart", "h = HardSwish(x)\n t = Tanh(x)\n y = Add(h, t)",
             -kInfinity, kInfinity},
        Case{"GateOfAnotherValue", "t = Tanh(x)\n g = Sigmoid(t)\n y = Mul(x, g)", -kInfinity,
             kInfinity},
        Case{"GateInsideAProductOfThree", "g = HardSigmoid(x)\n h = Mul(g, three)\n y = Mul(x, h)",
             -kInfinity, kInfinity},
        Case{"VectorBound", "y = Clip(x, vector)", -kInfinity, kInfinity},
        Case{"NegativeSlope", "y = HardSigmoid<alpha=-0.25, beta=0.5>(x)", -kInfinity, kInfinity}),
    [](const auto& instance) { return instance.param.name; });

TEST(UsefulInterval, GraphOutputsAndUnusedValuesAreUnbounded) {
  const Model model = parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 14]>\n"
      "g (float[2,3] x) => (float[2,3] a, float[2,3] y)\n{ a = Neg(x)\n y = HardSwish(a) }");
  const GraphIndex index(model.graph);
  EXPECT_FALSE(useful_interval(index, "a").bounded());
  EXPECT_FALSE(useful_interval(index, "y").bounded());
  EXPECT_FALSE(useful_interval(index, "nothing").bounded());
}

}  // namespace
}  // namespace ptq
