#include <gtest/gtest.h>

#include "graph/index.h"
#include "transform/model_check.h"
#include "transform/passes.h"

namespace ptq::testing {
namespace {

const auto kPass = [](Model& model) {
  Notes notes;
  constants_to_initializers(model, notes);
};

TEST(ConstantsToInitializers, TakesEveryNumericForm) {
  const Model model = model_of(13, "(float[2,3] x) => (float[2,3] y, float[3,2] z)", {}, R"(
      w = Constant <value = float[2,3] {1, 2, 3, 4, 5, 6}> ()
      s = Constant <value_float = 0.5> ()
      t = Constant <value_floats = [1.0, 2.0, 3.0]> ()
      i = Constant <value_ints = [3, 2]> ()
      k = Constant <value_int = 3> ()
      a = Mul (x, w)
      b = Mul (a, s)
      c = Cast <to = 1> (k)
      d = Mul (b, c)
      y = Add (d, t)
      z = Reshape (y, i))");
  const Model after = expect_same_outputs(model, kPass, 0.0);
  EXPECT_EQ(op_types(after.graph), "Mul Mul Cast Mul Add Reshape");
  const GraphIndex index(after.graph);
  EXPECT_EQ(index.constant("w")->tensor.shape(), (Shape{2, 3}));
  EXPECT_EQ(index.constant("w")->tensor.data<float>()[5], 6.0F);
  EXPECT_EQ(index.constant("s")->tensor.shape(), Shape{});
  EXPECT_EQ(index.constant("s")->tensor.data<float>()[0], 0.5F);
  EXPECT_EQ(index.constant("t")->tensor.data<float>()[2], 3.0F);
  EXPECT_EQ(index.constant("i")->tensor.data<int64_t>()[0], 3);
  EXPECT_EQ(index.constant("k")->tensor.shape(), Shape{});
  EXPECT_EQ(index.constant("k")->tensor.data<int64_t>()[0], 3);
}

TEST(ConstantsToInitializers, LeavesStringsAndGraphOutputs) {
  const Model model = model_of(13, "(float[2] x) => (float[2] y, float[2] c, string[1] s)", {}, R"(
      c = Constant <value = float[2] {1, 2}> ()
      s0 = Constant <value_strings = ["a"]> ()
      s = Identity (s0)
      y = Add (x, c))");
  const Model after = expect_same_outputs(model, kPass, 0.0);
  EXPECT_EQ(op_types(after.graph), "Constant Constant Identity Add");
}

TEST(ConstantsToInitializers, ReachesInnerGraphs) {
  const Model model = model_of(13, "(float[2] x, bool c) => (float[2] y)", {}, R"(
      y = If (c) <
        then_branch = t () => (float[2] a) { u = Constant <value_float = 2.0> () a = Mul (x, u) },
        else_branch = e () => (float[2] b) { b = Constant <value = float[2] {7, 8}> () }>)");
  const Model after = expect_same_outputs(model, kPass, 0.0);
  const std::vector<Attribute>& branches = after.graph.nodes[0].attributes;
  EXPECT_EQ(op_types(*branches[0].graphs[0]), "Mul");
  EXPECT_EQ(branches[0].graphs[0]->initializers.size(), 1U);
  // An inner graph that only hands out a constant still makes it by a node.
  EXPECT_EQ(op_types(*branches[1].graphs[0]), "Constant");
}

}  // namespace
}  // namespace ptq::testing
