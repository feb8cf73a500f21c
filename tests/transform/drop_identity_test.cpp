#include <gtest/gtest.h>

#include "onnx_io/write.h"
#include "runtime/session.h"
#include "transform/model_check.h"
#include "transform/passes.h"

namespace ptq::testing {
namespace {

const auto kPass = [](Model& model) {
  Notes notes;
  drop_identity(model, notes);
};

TEST(DropIdentity, CutsInnerOnesAndChains) {
  const Model model = model_of(13, "(float[2] x) => (float[2] y)", {"float[2] w = {1, 2}"}, R"(
      a = Identity (x)
      b = Identity (a)
      v = Identity (w)
      c = Add (b, v)
      y = Mul (c, a))");
  const Model after = expect_same_outputs(model, kPass, 0.0);
  ASSERT_EQ(op_types(after.graph), "Add Mul");
  EXPECT_EQ(after.graph.nodes[0].inputs, (std::vector<std::string>{"x", "w"}));
  EXPECT_EQ(after.graph.nodes[1].inputs, (std::vector<std::string>{"c", "x"}));
}

TEST(DropIdentity, GivesTheNameOfAGraphOutputToTheProducer) {
  const Model model = model_of(13, "(float[2] x) => (float[2] y, float[2] z)", {}, R"(
      a = Relu (x)
      b = Identity (a)
      y = Identity (b)
      c = Neg (a)
      z = Add (b, c))");
  const Model after = expect_same_outputs(model, kPass, 0.0);
  ASSERT_EQ(op_types(after.graph), "Relu Neg Add");
  EXPECT_EQ(after.graph.nodes[0].outputs[0], "y");
  EXPECT_EQ(after.graph.nodes[1].inputs[0], "y");
  EXPECT_EQ(after.graph.nodes[2].inputs, (std::vector<std::string>{"y", "c"}));
}

TEST(DropIdentity, KeepsWhatMakesAnOutputName) {
  // x and w have no node to rename; a can have only one of the names y and z.
  const Model model =
      model_of(13, "(float[2] x) => (float[2] p, float[2] q, float[2] y, float[2] z)",
               {"float[2] w = {1, 2}"},
               R"(
      p = Identity (x)
      q = Identity (w)
      a = Relu (x)
      y = Identity (a)
      z = Identity (a))");
  const Model after = expect_same_outputs(model, kPass, 0.0);
  EXPECT_EQ(op_types(after.graph), "Identity Identity Relu Identity");
}

TEST(DropIdentity, KeepsAnOutputApartFromATransposeThatTheRuntimeMergesIntoGemm) {
  const Model model = model_of(13, "(float[2,2] x, float[2,2] b) => (float[2,2] y, float[2,2] z)",
                               {}, "t = Transpose (x) y = Gemm (t, b) z = Identity (t)");
  const Model after = expect_same_outputs(model, kPass, 0.0);
  EXPECT_EQ(op_types(after.graph), "Transpose Gemm Identity");
  // With its optimizations the runtime lost the output z of the model without the Identity.
  EXPECT_EQ(Session::from_bytes(serialize_model(after), {}).run(random_feeds(model, 1)).size(), 2U);
}

TEST(DropIdentity, CutsDropoutOfEveryOpset) {
  const std::string signature = "(float[2] x) => (float[2] y)";
  const Model old_model =
      model_of(7, signature, {}, "a = Dropout <ratio = 0.3> (x) y = Relu (a)", 6);
  EXPECT_EQ(op_types(expect_same_outputs(old_model, kPass, 0.0).graph), "Relu");
  const Model new_model = model_of(13, signature, {"float r = {0.3}", "bool t = {0}"},
                                   "a, mask = Dropout (x, r, t) b = Dropout (a, r) y = Relu (b)");
  EXPECT_EQ(op_types(expect_same_outputs(new_model, kPass, 0.0).graph), "Relu");
}

TEST(DropIdentity, KeepsDropoutWithAMaskOrATrainingMode) {
  const Model mask = model_of(13, "(float[2] x) => (float[2] y, bool[2] m)", {},
                              "a, m = Dropout (x) y = Relu (a)");
  EXPECT_EQ(op_types(expect_same_outputs(mask, kPass, 0.0).graph), "Dropout Relu");
  Model training = model_of(13, "(float[2] x, bool t) => (float[2] y)", {"float r = {0.5}"},
                            "a = Dropout (x, r, t) y = Relu (a)");
  kPass(training);
  EXPECT_EQ(op_types(training.graph), "Dropout Relu");
  Model always = model_of(13, "(float[2] x) => (float[2] y)", {"float r = {0.5}", "bool t = {1}"},
                          "a = Dropout (x, r, t) y = Relu (a)");
  kPass(always);
  EXPECT_EQ(op_types(always.graph), "Dropout Relu");
}

TEST(DropIdentity, FollowsCapturesIntoInnerGraphs) {
  const Model model = model_of(13, "(float[2] x, bool c) => (float[2] y, float[2] o)", {}, R"(
      r = Relu (x)
      a = Identity (r)
      o = Identity (r)
      y = If (c) <
        then_branch = t () => (float[2] u) { v = Identity (a) u = Mul (v, r) },
        else_branch = e () => (float[2] w) { w = Identity (a) }>)");
  const Model after = expect_same_outputs(model, kPass, 0.0);
  ASSERT_EQ(op_types(after.graph), "Relu If");
  const std::vector<Attribute>& branches = after.graph.nodes[1].attributes;
  ASSERT_EQ(op_types(*branches[0].graphs[0]), "Mul");
  EXPECT_EQ(branches[0].graphs[0]->nodes[0].inputs, (std::vector<std::string>{"o", "o"}));
  // The branch must make its output, since its value comes from outside.
  EXPECT_EQ(op_types(*branches[1].graphs[0]), "Identity");
}

TEST(DropIdentity, LeavesNamesThatAnInnerGraphUsesForItself) {
  Model model = model_of(13, "(float[2] x, bool c) => (float[2] y)", {}, R"(
      r = Relu (x)
      a = Identity (r)
      b = If (c) <
        then_branch = t () => (float[2] u) { u = Neg (a) },
        else_branch = e () => (float[2] w) { w = Abs (a) }>
      y = Add (a, b))");
  model.graph.nodes[2].attributes[0].graphs[0]->nodes[0].outputs[0] = "r";
  model.graph.nodes[2].attributes[0].graphs[0]->outputs[0].name = "r";
  kPass(model);
  EXPECT_EQ(op_types(model.graph), "Relu Identity If Add");
}

}  // namespace
}  // namespace ptq::testing
