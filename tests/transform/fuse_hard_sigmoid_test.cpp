#include <ostream>

#include <gtest/gtest.h>

#include "transform/model_check.h"
#include "transform/passes.h"

namespace ptq::testing {
namespace {

struct Case {
  std::string name;
  std::string body;  // from x to y
  std::string after;
  int64_t opset = 13;
};

std::ostream& operator<<(std::ostream& out, const Case& test) {
  return out << test.name;
}

const std::vector<std::string> kConstants = {"float three = {3}",
                                             "float[1,1,1] three3 = {3}",
                                             "float[1,1,1,1,1] three5 = {3}",
                                             "float two = {2}",
                                             "float four = {4}",
                                             "float zero = {0}",
                                             "float one = {1}",
                                             "float six = {6}",
                                             "float[1] six1 = {6}",
                                             "float sixth = {0.16666667}",
                                             "float rough = {0.1667}",
                                             "float quarter = {0.25}",
                                             "float[2] vector = {3, 2}"};

// Inputs of both tests reach beyond both ends of the gate.
Model model_of_case(const Case& test) {
  return model_of(test.opset, "(float[N,3,4,2] u) => (float[N,3,4,2] y)", kConstants,
                  "e = Mul(u, six) x = Mul(e, two) " + test.body);
}

class Fused : public ::testing::TestWithParam<Case> {};

TEST_P(Fused, KeepsTheOutputs) {
  const Model model = model_of_case(GetParam());
  const Model after = expect_same_outputs(
      model,
      [](Model& m) {
        Notes notes;
        EXPECT_EQ(fuse_hard_sigmoid(m, notes), 1);
        EXPECT_EQ(fuse_hard_sigmoid(m, notes), 0);
      },
      1e-6);
  EXPECT_EQ(op_types(after.graph), "Mul Mul " + GetParam().after);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, Fused,
    ::testing::Values(
        Case{"Gate", "s = Add(x, three) c = Clip(s, zero, six) y = Div(c, six)", "HardSigmoid"},
        Case{"GateTimesASixth", "s = Add(three, x) c = Clip(s, zero, six) y = Mul(sixth, c)",
             "HardSigmoid"},
        Case{"OtherBounds", "s = Add(x, one) c = Clip(s, zero, four) y = Mul(c, quarter)",
             "HardSigmoid"},
        Case{"ProductThenDivision",
             "s = Add(x, three) c = Clip(s, zero, six) m = Mul(x, c) y = Div(m, six)",
             "HardSigmoid Mul"},
        Case{"ProductThenASixth",
             "s = Add(three, x) c = Clip(s, zero, six) m = Mul(c, x) y = Mul(m, sixth)",
             "HardSigmoid Mul"},
        Case{"GateThenProduct",
             "s = Add(x, three) c = Clip(s, zero, six) d = Div(c, six) y = Mul(d, x)",
             "HardSigmoid Mul"},
        Case{"DivisionOfX",
             "s = Add(x, three) c = Clip(s, zero, six) d = Div(x, six) y = Mul(d, c)",
             "HardSigmoid Mul"},
        Case{"GateOfAnother",
             "s = Add(x, three) c = Clip(s, zero, six) d = Mul(c, sixth) y = Mul(u, d)",
             "HardSigmoid Mul"},
        Case{"ConstantsOfRank", "s = Add(x, three3) c = Clip(s, zero, six) y = Div(c, six1)",
             "HardSigmoid"},
        Case{"BoundsAsAttributes",
             "s = Add(x, three) c = Clip<min = 0.0, max = 6.0>(s) y = Div(c, six)", "HardSigmoid",
             10},
        Case{"TwiceWithOneX",
             "s = Add(x, three) c = Clip(s, zero, six) d = Div(c, six) h = Neg(x) y = Mul(d, h)",
             "HardSigmoid Neg Mul"}),
    [](const auto& entry) { return entry.param.name; });

class Kept : public ::testing::TestWithParam<Case> {};

TEST_P(Kept, StaysAsItIs) {
  Model model = model_of_case(GetParam());
  const std::string before = op_types(model.graph);
  Notes notes;
  EXPECT_EQ(fuse_hard_sigmoid(model, notes), 0);
  EXPECT_EQ(op_types(model.graph), before);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, Kept,
    ::testing::Values(
        Case{"TheSumIsReadByOthers",
             "s = Add(x, three) c = Clip(s, zero, six) d = Div(c, six) y = Mul(d, s)", ""},
        Case{"TheClippedSumIsReadByOthers",
             "s = Add(x, three) c = Clip(s, zero, six) d = Div(c, six) y = Mul(d, c)", ""},
        Case{"TheProductIsReadByOthers",
             "s = Add(x, three) c = Clip(s, zero, six) m = Mul(x, c) d = Div(m, six) y = Mul(d, m)",
             ""},
        Case{"TheDivisionOfXIsReadByOthers",
             "s = Add(x, three) c = Clip(s, zero, six) d = Div(x, six) m = Mul(d, c) y = Add(m, d)",
             ""},
        Case{"NoDivision", "s = Add(x, three) c = Clip(s, zero, six) y = Mul(x, c)", ""},
        Case{"DividedByAnother", "s = Add(x, three) c = Clip(s, zero, six) y = Div(c, four)", ""},
        Case{"DivisorAndDividend", "s = Add(x, three) c = Clip(s, zero, six) y = Div(six, c)", ""},
        Case{"ARoughSixth", "s = Add(x, three) c = Clip(s, zero, six) y = Mul(c, rough)", ""},
        Case{"AVector", "s = Add(x, vector) c = Clip(s, zero, six) y = Div(c, six)", ""},
        Case{"LowerBound", "s = Add(x, three) c = Clip(s, one, six) y = Div(c, six)", ""},
        Case{"OneBound", "s = Add(x, three) c = Clip(s, zero) y = Div(c, six)", ""},
        Case{"OneAtZeroAlready", "s = Add(x, six) c = Clip(s, zero, six) y = Div(c, six)", ""},
        Case{"SumOfTwoValues", "s = Add(x, u) c = Clip(s, zero, six) y = Div(c, six)", ""},
        Case{"Square", "s = Add(x, three) c = Clip(s, zero, six) m = Mul(c, c) y = Div(m, six)",
             ""}),
    [](const auto& entry) { return entry.param.name; });

TEST(FuseHardSigmoid, AConstantThatRaisesTheRankStays) {
  Model model = model_of(13, "(float[2,3] x) => (float[1,1,1,2,3] y)", kConstants,
                         "s = Add(x, three5) c = Clip(s, zero, six) y = Div(c, six)");
  Notes notes;
  EXPECT_EQ(fuse_hard_sigmoid(model, notes), 0);
}

TEST(FuseHardSigmoid, GraphOutputsStay) {
  Model model = model_of(13, "(float[2,3] x) => (float[2,3] y, float[2,3] c)", kConstants,
                         "s = Add(x, three) c = Clip(s, zero, six) y = Div(c, six)");
  Notes notes;
  EXPECT_EQ(fuse_hard_sigmoid(model, notes), 0);
}

}  // namespace
}  // namespace ptq::testing
