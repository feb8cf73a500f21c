#include <gtest/gtest.h>

#include "graph/edit.h"
#include "transform/model_check.h"
#include "transform/passes.h"

namespace ptq::testing {
namespace {

const auto kPass = [](Model& model) {
  Notes notes;
  fold_constants(model, notes);
};

TEST(FoldConstants, WeightBehindAChain) {
  // Text models write float16 as bits: 1 … 6.
  const Model model = model_of(13, "(float[N,2] x) => (float[N,3] y)",
                               {"float16[3,2] w = {15360, 16384, 16896, 17408, 17664, 17920}",
                                "int64[2] shape = {3, 2}", "float k = {2}"},
                               R"(
      a = Cast <to = 1> (w)
      b = Reshape (a, shape)
      c = Transpose <perm = [1, 0]> (b)
      d = Mul (c, k)
      y = MatMul (x, d))");
  Model after = expect_same_outputs(model, kPass, 0.0);
  EXPECT_EQ(op_types(after.graph), "MatMul");
  const Constant* weight = find_constant(after.graph, "d");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->tensor.shape(), (Shape{2, 3}));
  EXPECT_EQ(weight->tensor.data<float>()[1], 6.0F);
}

TEST(FoldConstants, ManyOperatorsAndOutputs) {
  const Model model = model_of(13, "(float[2,2] x) => (float[2,2] y)",
                               {"float[2,4] w = {1, 2, 3, 4, 5, 6, 7, 8}", "int64[2] i = {1, 0}",
                                "int64[1] zero = {0}", "int64[1] two = {2}"},
                               R"(
      p, q = Split <axis = 1> (w)
      g = Gather (p, i)
      s = Concat <axis = 0> (g, q)
      u = Unsqueeze (s, zero)
      v = Squeeze (u, zero)
      t = Slice (v, zero, two, zero)
      r = ReduceMean <axes = [0], keepdims = 1> (q)
      n = MatMul (p, q)
      a = Add (t, r)
      b = Sub (n, a)
      c = Sqrt (b)
      m = Cast <to = 9> (i)
      d = Where (m, c, q)
      y = Add (x, d))");
  EXPECT_EQ(op_types(expect_same_outputs(model, kPass, 0.0).graph), "Add");
}

TEST(FoldConstants, LeavesOutputsInputsAndRandomness) {
  const Model model =
      model_of(13, "(float[2] x) => (float[2] y, float[2] z)", {"float[2] w = {1, 2}"}, R"(
      z = Neg (w)
      r = RandomNormalLike <seed = 1.0> (w)
      k = Mul (r, w)
      l = Sub (k, k)
      s = RandomUniform <shape = [2], high = 0.0> ()
      a = Add (x, l)
      y = Add (a, s))");
  const Model after = expect_same_outputs(model, kPass, 0.0);
  EXPECT_EQ(op_types(after.graph), "Neg RandomNormalLike Mul Sub RandomUniform Add Add");
  Model overridable = model_of(13, "(float[2] x) => (float[2] y)", {"float[2] w = {1, 2}"},
                               "v = Neg (w) y = Add (x, v)");
  overridable.graph.inputs.push_back(
      {.name = "w", .dtype = DType::kFloat, .has_shape = true, .shape = {2}});
  kPass(overridable);
  EXPECT_EQ(op_types(overridable.graph), "Neg Add");
}

TEST(FoldConstants, LeavesBombs) {
  // 2^14 · 2^14 floats would be 1 GiB from 128 KiB; so would the rows that Gather repeats.
  Model model = model_of(13, "(float[1] x) => (float[M,N] y, float[K,L] z)",
                         {"float[1,1] a = {1}", "float[1,1] b = {1}", "int64[1] i = {0}"}, R"(
      c = Add (a, b)
      y = Mul (c, x)
      g = Gather (a, i)
      z = Mul (g, x))");
  const int64_t size = int64_t{1} << 14;
  find_constant(model.graph, "a")->tensor = Tensor(DType::kFloat, {1, size});
  find_constant(model.graph, "b")->tensor = Tensor(DType::kFloat, {size, 1});
  find_constant(model.graph, "i")->tensor = Tensor(DType::kInt64, {size});
  kPass(model);
  EXPECT_EQ(op_types(model.graph), "Add Mul Gather Mul");
}

TEST(FoldConstants, ComputesShapesAsExportersWriteThem) {
  // How PyTorch writes the amounts of a Pad.
  const Model model = model_of(
      13, "(float[1,1,2,2] x) => (float[1,1,4,3] y)",
      {"int64[1] missing = {4}", "int64[4] last = {0, 1, 1, 1}", "int64[2] pairs = {-1, 2}",
       "int64[1] from = {-1}", "int64[1] to = {-9223372036854775807}", "int64[1] axis = {0}",
       "int64[1] step = {-1}", "int64[1] flat = {-1}"},
      R"(
      zeros = ConstantOfShape <value = int64[1] {0}> (missing)
      all = Concat <axis = 0> (last, zeros)
      rows = Reshape (all, pairs)
      turned = Slice (rows, from, to, axis, step)
      sides = Transpose <perm = [1, 0]> (turned)
      amounts = Reshape (sides, flat)
      cast = Cast <to = 7> (amounts)
      y = Pad (x, cast))");
  EXPECT_EQ(op_types(expect_same_outputs(model, kPass, 0.0).graph), "Pad");
}

TEST(FoldConstants, LeavesShapesThatAreTooLarge) {
  Model model = model_of(13, "(float[1] x) => (float[N] y, float[M] z, float[K] u)",
                         {"int64[1] n = {300000000}", "float[1] one = {1}",
                          "int64[2] wrap = {4294967296, 4294967296}", "int64[1] minus = {-1}"},
                         R"(
      a = ConstantOfShape (n)
      b = Expand (one, n)
      c = ConstantOfShape (wrap)
      d = ConstantOfShape (minus)
      y = Add (x, a)
      z = Add (x, b)
      e = Add (c, d)
      u = Add (x, e))");
  kPass(model);
  EXPECT_EQ(op_types(model.graph),
            "ConstantOfShape Expand ConstantOfShape ConstantOfShape Add Add Add Add");
}

TEST(FoldConstants, EndsChainsThatDouble) {
  Model model = model_of(13, "(float[1] x) => (float[N] y)", {"float[1] w = {1}"}, "y = Neg (x)");
  std::string last = "w";
  for (int i = 0; i < 40; ++i) {
    Node node{.op_type = "Concat", .inputs = {last, last}};
    node.outputs = {"w" + std::to_string(i)};
    node.set_attribute("axis", int64_t{0});
    last = node.outputs[0];
    model.graph.nodes.push_back(node);
  }
  Notes notes;
  // 2^24 floats are 64 MiB; all results up to 2^23 floats just fit into the budget.
  EXPECT_EQ(fold_constants(model, notes), 23);
  EXPECT_EQ(notes.size(), 1U);
}

TEST(FoldConstants, LeavesDivisionsThatTrap) {
  for (const char* divisor : {"int32[1] b = {0}", "int32[1] b = {-1}"}) {
    Model model =
        model_of(13, "(int32[1] x) => (int32[1] y)", {"int32[1] a = {-2147483648}", divisor},
                 "c = Div (a, b) y = Add (x, c)");
    kPass(model);
    EXPECT_EQ(op_types(model.graph), "Div Add");
  }
}

TEST(FoldConstants, NotesWhatTheRuntimeRefuses) {
  Model model = model_of(13, "(float[4] x) => (float[M] y)",
                         {"float[4] a = {1, 2, 3, 4}", "int64[1] i = {9}"},
                         "g = Gather (a, i) y = Add (x, g)");
  Notes notes;
  EXPECT_EQ(fold_constants(model, notes), 0);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("Gather"), std::string::npos);
}

TEST(FoldConstants, FoldedValueIsCapturedByAnInnerGraph) {
  const Model model =
      model_of(13, "(float[2] x, bool c) => (float[2] y)", {"float[2] w = {1, 2}"}, R"(
      v = Neg (w)
      y = If (c) <
        then_branch = t () => (float[2] a) <float[2] k = {3, 4}> { l = Neg (k) b = Add (x, l) a = Mul (b, v) },
        else_branch = e () => (float[2] d) { d = Add (x, v) }>)");
  const Model after = expect_same_outputs(model, kPass, 0.0);
  ASSERT_EQ(op_types(after.graph), "If");
  EXPECT_EQ(op_types(*after.graph.nodes[0].attributes[0].graphs[0]), "Add Mul");
}

}  // namespace
}  // namespace ptq::testing
