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
  const Model model = model_of(13, "(float[2] x) => (float[2] y, float[2] z)",
                               {"float[2] w = {1, 2}", "int64[1] n = {2}"}, R"(
      z = Neg (w)
      r = RandomNormalLike <seed = 1.0> (w)
      k = Mul (r, w)
      l = Sub (k, k)
      s = ConstantOfShape (n)
      a = Add (x, l)
      y = Add (a, s))");
  const Model after = expect_same_outputs(model, kPass, 0.0);
  EXPECT_EQ(op_types(after.graph), "Neg RandomNormalLike Mul Sub ConstantOfShape Add Add");
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
