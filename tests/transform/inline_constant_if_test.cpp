#include <gtest/gtest.h>

#include "transform/model_check.h"
#include "transform/passes.h"

namespace ptq::testing {
namespace {

const auto kPass = [](Model& model) {
  Notes notes;
  inline_constant_if(model, notes);
};

TEST(InlineConstantIf, TakesTheBranchThatTheConditionNames) {
  for (const bool value : {true, false}) {
    const Model model =
        model_of(13, "(float[2] x) => (float[2] y)",
                 {value ? "bool c = {1}" : "bool c = {0}", "float[2] w = {1, 2}"}, R"(
        a = Relu (x)
        b = If (c) <
          then_branch = t () => (float[2] u) { v = Mul (a, w) u = Neg (v) },
          else_branch = e () => (float[2] s) { s = Abs (a) }>
        y = Exp (b))");
    const Model after = expect_same_outputs(model, kPass, 0.0);
    EXPECT_EQ(op_types(after.graph), value ? "Relu Mul Neg Exp" : "Relu Abs Exp");
  }
}

TEST(InlineConstantIf, BringsConstantsAndInnerBranchesAlong) {
  Model model = model_of(13, "(float[2] x) => (float[2] y)", {"bool c = {1}"}, R"(
      y = If (c) <
        then_branch = t () => (float[2] u) {
          k = Constant <value_floats = [1.0, 2.0]> ()
          d = Constant <value = bool {0}> ()
          u = If (d) <
            then_branch = t2 () => (float[2] p) { p = Neg (x) },
            else_branch = e2 () => (float[2] q) { q = Add (x, k) }>
        },
        else_branch = e () => (float[2] s) { s = Abs (x) }>)");
  const auto with_constants = [](Model& changed) {
    Notes notes;
    constants_to_initializers(changed, notes);
    inline_constant_if(changed, notes);
  };
  EXPECT_EQ(op_types(expect_same_outputs(model, with_constants, 0.0).graph), "Add");
}

TEST(InlineConstantIf, HandsOnWhatTheBranchDoesNotMakeItself) {
  // A value twice, one from outside, a constant of the branch: each output keeps its name. The
  // runtime (1.31) itself loses an output that an If names twice, so what is right is said apart.
  const std::string signature = "(float[2] x) => (float[2] y, float[2] z, float[2] p, float[2] q)";
  Model model = model_of(13, signature, {"bool c = {1}"}, R"(
      a = Relu (x)
      y, z, p, q = If (c) <
        then_branch = t () => (float[2] u, float[2] u, float[2] v, float[2] k) {
          u = Neg (a)
          v = Identity (a)
          k = Constant <value_floats = [1.0, 2.0]> () },
        else_branch = e () => (float[2] s, float[2] s, float[2] s, float[2] s) { s = Abs (a) }>)");
  const Model right = model_of(13, signature, {}, R"(
      a = Relu (x) y = Neg (a) z = Neg (a) p = Relu (x)
      q = Constant <value_floats = [1.0, 2.0]> ())");
  kPass(model);
  EXPECT_EQ(op_types(model.graph).find("If"), std::string::npos);
  const auto feeds = random_feeds(right, 1);
  EXPECT_EQ(max_relative_difference(run_plain(right, feeds), run_plain(model, feeds)), 0.0);
}

TEST(InlineConstantIf, LeavesAConditionThatACallerMayChange) {
  Model model = model_of(13, "(float[2] x) => (float[2] y)", {"bool c = {1}"}, R"(
      y = If (c) <
        then_branch = t () => (float[2] u) { u = Neg (x) },
        else_branch = e () => (float[2] s) { s = Abs (x) }>)");
  model.graph.inputs.push_back({.name = "c", .dtype = DType::kBool, .has_shape = true});
  kPass(model);
  EXPECT_EQ(op_types(model.graph), "If");
}

}  // namespace
}  // namespace ptq::testing
