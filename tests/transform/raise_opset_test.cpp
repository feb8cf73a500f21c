#include <gtest/gtest.h>

#include "graph/index.h"
#include "transform/model_check.h"
#include "transform/opset_adapters.h"
#include "transform/passes.h"

namespace ptq::testing {
namespace {

const auto kPass = [](Model& model) {
  Notes notes;
  raise_opset(model, notes);
};

// Raises the model and expects that it got to opset 13 and computes the same.
Model expect_raised(const Model& model) {
  Model after = expect_same_outputs(model, kPass, 1e-6);
  EXPECT_EQ(after.opset(), 13);
  return after;
}

// Expects that the model stays as it is, and returns the note.
std::string expect_kept(const Model& model) {
  Model after = model;
  Notes notes;
  EXPECT_EQ(raise_opset(after, notes), 0);
  EXPECT_EQ(after.opset(), model.opset());
  EXPECT_EQ(op_types(after.graph), op_types(model.graph));
  EXPECT_EQ(notes.size(), 1U);
  return notes.empty() ? "" : notes[0];
}

TEST(RaiseOpset, AxesBecomeInputs) {
  for (const int64_t opset : {7, 9, 11, 12}) {
    const Model model = model_of(opset, "(float[2,1,3] x) => (float[2,1,1,1] y)", {}, R"(
        a = Squeeze <axes = [1]> (x)
        b = ReduceSum <axes = [1], keepdims = 0> (a)
        c = ReduceSum <keepdims = 1> (a)
        d = Squeeze (c)
        e = Add (b, d)
        y = Unsqueeze <axes = [1, 2, 3]> (e))",
                                 6);
    const Model after = expect_raised(model);
    EXPECT_EQ(after.graph.nodes[0].inputs.size(), 2U);
    EXPECT_EQ(after.graph.nodes[0].find_attribute("axes"), nullptr);
    EXPECT_EQ(after.graph.nodes[2].inputs.size(), 1U);
  }
}

TEST(RaiseOpset, SplitSizesBecomeAnInput) {
  for (const int64_t opset : {7, 11}) {
    const Model model = model_of(
        opset, "(float[N,6] x) => (float[N,2] y, float[N,4] z, float[N,3] u, float[N,3] v)", {},
        "y, z = Split <axis = 1, split = [2, 4]> (x) u, v = Split <axis = 1> (x)", 6);
    const Model after = expect_raised(model);
    EXPECT_EQ(after.graph.nodes[0].inputs.size(), 2U);
    EXPECT_EQ(after.graph.nodes[1].inputs.size(), 1U);
  }
}

TEST(RaiseOpset, ClipBoundsBecomeInputs) {
  const Model model = model_of(9, "(float[N,6] x) => (float[N,6] y)", {}, R"(
      a = Clip <min = -0.5, max = 0.75> (x)
      b = Clip <max = 0.25> (a)
      c = Clip (b)
      y = Clip <min = 0.0> (c))",
                               6);
  const Model after = expect_raised(model);
  EXPECT_EQ(after.graph.nodes[0].inputs.size(), 3U);
  EXPECT_EQ(after.graph.nodes[1].inputs[1], "");
  EXPECT_EQ(after.graph.nodes[2].inputs.size(), 1U);
  EXPECT_EQ(after.graph.nodes[3].inputs.size(), 2U);
  expect_raised(
      model_of(11, "(float[2] x) => (float[2] y)", {"float h = {0.5}"}, "y = Clip (x, , h)", 6));
}

TEST(RaiseOpset, ClipBoundsHaveTheTypeOfTheInput) {
  // The runtime has no kernel for the old operator with double, so nothing is run.
  Model model = model_of(9, "(double[2] x) => (double[2] y)", {}, "y = Clip <min = 0.5> (x)", 6);
  kPass(model);
  ASSERT_EQ(model.graph.initializers.size(), 1U);
  EXPECT_EQ(model.graph.initializers[0].tensor.data<double>()[0], 0.5);
}

TEST(RaiseOpset, PadAndSliceArgumentsBecomeInputs) {
  for (const int64_t opset : {7, 9}) {
    const Model model = model_of(opset, "(float[2,4,4] x) => (float[2,A,B] y)", {}, R"(
        a = Pad <mode = "reflect", pads = [0, 1, 1, 0, 1, 0]> (x)
        b = Pad <pads = [0, 1, 0, 0, 0, 2], value = 1.5> (a)
        c = Pad <pads = [0, 0, 1, 0, 0, 0]> (b)
        d = Slice <axes = [1, 2], starts = [1, -5], ends = [100, -1]> (c)
        y = Slice <starts = [0, 1], ends = [2, 3]> (d))",
                                 6);
    const Model after = expect_raised(model);
    EXPECT_EQ(after.graph.nodes[0].inputs.size(), 2U);
    EXPECT_EQ(after.graph.nodes[1].inputs.size(), 3U);
    EXPECT_EQ(after.graph.nodes[3].inputs.size(), 4U);
    EXPECT_EQ(after.graph.nodes[4].inputs.size(), 3U);
  }
}

TEST(RaiseOpset, CountOfTopKBecomesAnInput) {
  const Model old_model = model_of(7, "(float[2,5] x) => (float[2,3] y, int64[2,3] i)", {},
                                   "y, i = TopK <axis = 1, k = 3> (x)", 6);
  EXPECT_EQ(expect_raised(old_model).graph.nodes[0].inputs.size(), 2U);
  expect_raised(model_of(10, "(float[2,5] x) => (float[2,K] y, int64[2,K] i)", {"int64[1] k = {2}"},
                         "y, i = TopK (x, k)", 6));
}

TEST(RaiseOpset, UpsampleBecomesResize) {
  for (const std::string mode : {"nearest", "linear"}) {
    const Model seven =
        model_of(7, "(float[1,2,3,4] x) => (float[1,2,H,W] y)", {},
                 "y = Upsample <mode = \"" + mode + "\", scales = [1.0, 1.0, 2.0, 2.5]> (x)", 6);
    EXPECT_EQ(op_types(expect_raised(seven).graph), "Resize");
    const Model nine =
        model_of(9, "(float[1,2,3,4] x) => (float[1,2,H,W] y)", {"float[4] s = {1, 1, 1.5, 3}"},
                 "y = Upsample <mode = \"" + mode + "\"> (x, s)", 6);
    EXPECT_EQ(op_types(expect_raised(nine).graph), "Resize");
  }
}

TEST(RaiseOpset, ResizeOfOpset10) {
  const std::string signature = "(float[1,2,5,7] x) => (float[1,2,H,W] y)";
  for (const std::string mode : {"nearest", "linear"}) {
    for (const std::string scales : {"1, 1, 2.5, 3", "1, 1, 0.6, 0.5", "1, 1, 1, 0.7"}) {
      expect_raised(model_of(10, signature, {"float[4] s = {" + scales + "}"},
                             "y = Resize <mode = \"" + mode + "\"> (x, s)", 6));
    }
  }
  const Model both =
      model_of(10, signature, {"float[4] s = {1, 1, 0.5, 2}"}, "y = Resize (x, s)", 6);
  EXPECT_NE(expect_kept(both).find("kept opset 10 because of Resize 'y' (it enlarges"),
            std::string::npos);
  const Model computed = model_of(10, "(float[1,2,5,7] x, float[4] s) => (float[1,2,H,W] y)", {},
                                  "y = Resize (x, s)", 6);
  EXPECT_NE(expect_kept(computed).find("not constant"), std::string::npos);
}

TEST(RaiseOpset, ResizeOfOpset11) {
  expect_raised(model_of(11, "(float[1,2,5,7] x) => (float[1,2,H,W] y)",
                         {"float[0] roi = {}", "float[4] s = {1, 1, 2, 2}"},
                         "y = Resize <mode = \"linear\"> (x, roi, s)", 6));
  expect_raised(model_of(11, "(float[1,2,5,7] x) => (float[1,2,H,W] y)",
                         {"float[0] roi = {}", "float[0] s = {}", "int64[4] size = {1, 2, 4, 9}"},
                         "y = Resize <mode = \"nearest\"> (x, roi, s, size)", 6));
}

TEST(RaiseOpset, SoftmaxOverSeveralAxes) {
  for (const std::string op : {"Softmax", "LogSoftmax", "Hardmax"}) {
    for (const int64_t opset : {7, 11, 12}) {
      // Known shape, unknown sizes; axis 1 covers the last two dimensions.
      const Model known =
          model_of(opset, "(float[2,3,4] x) => (float[2,3,4] y)", {}, "y = " + op + " (x)", 6);
      EXPECT_EQ(op_types(expect_raised(known).graph), "Flatten " + op + " Reshape");
      const Model unknown =
          model_of(opset, "(float[N,3,T] x) => (float[N,3,T] y)", {}, "y = " + op + " (x)", 6);
      EXPECT_EQ(op_types(expect_raised(unknown).graph), "Shape Flatten " + op + " Reshape");
      const Model zero = model_of(opset, "(float[2,3] x) => (float[2,3] y)", {},
                                  "y = " + op + " <axis = 0> (x)", 6);
      EXPECT_EQ(op_types(expect_raised(zero).graph), "Flatten " + op + " Reshape");
    }
  }
}

TEST(RaiseOpset, SoftmaxOverOneAxisStaysOneNode) {
  const Model last = model_of(9, "(float[N,T] x) => (float[N,T] y)", {}, "y = Softmax (x)", 6);
  const Model raised = expect_raised(last);
  ASSERT_EQ(op_types(raised.graph), "Softmax");
  EXPECT_EQ(raised.graph.nodes[0].int_attribute("axis", 7), -1);
  const Model trailing_ones =
      model_of(9, "(float[N,5,1,1] x) => (float[N,5,1,1] y)", {}, "y = Softmax (x)", 6);
  EXPECT_EQ(op_types(expect_raised(trailing_ones).graph), "Softmax");
  const Model negative =
      model_of(11, "(float[N,3,T] x) => (float[N,3,T] y)", {}, "y = Softmax <axis = -1> (x)", 6);
  EXPECT_EQ(op_types(expect_raised(negative).graph), "Softmax");
  const Model inner =
      model_of(11, "(float[2,3,4] x) => (float[2,3,4] y)", {}, "y = Softmax <axis = -2> (x)", 6);
  EXPECT_EQ(op_types(expect_raised(inner).graph), "Flatten Softmax Reshape");
}

TEST(RaiseOpset, DropoutAndBatchNormalization) {
  const std::vector<std::string> norm = {"float[2] g = {1, 2}", "float[2] b = {3, 4}",
                                         "float[2] m = {5, 6}", "float[2] v = {0.5, 2}"};
  const Model model = model_of(
      7, "(float[N,2,3] x) => (float[N,2,3] y)", norm,
      "a = Dropout <ratio = 0.4> (x) y = BatchNormalization <spatial = 1> (a, g, b, m, v)", 6);
  const Model after = expect_raised(model);
  EXPECT_EQ(after.graph.nodes[1].find_attribute("spatial"), nullptr);
  EXPECT_NE(expect_kept(model_of(10, "(float[2] x) => (float[2] y, bool[2] m)", {},
                                 "y, m = Dropout (x)", 6))
                .find("mask"),
            std::string::npos);
  Model apart = model;
  apart.graph.nodes[1].set_attribute("spatial", int64_t{0});
  EXPECT_NE(expect_kept(apart).find("spatial"), std::string::npos);
}

TEST(RaiseOpset, ScatterGetsItsNewName) {
  const Model model = model_of(9, "(float[3,3] x) => (float[3,3] y)",
                               {"int64[1,2] i = {2, 0}", "float[1,2] u = {7, 8}"},
                               "y = Scatter <axis = 0> (x, i, u)", 6);
  EXPECT_EQ(op_types(expect_raised(model).graph), "ScatterElements");
}

TEST(RaiseOpset, OperatorsThatMeanTheSame) {
  const Model model =
      model_of(7, "(float[2,4,6,6] x) => (float[2,8] y, float[4,1,2,4] l)",
               {weight_text("w", {4, 4, 3, 3}, 1), weight_text("c", {4}, 2),
                weight_text("t", {4, 2, 2, 2}, 3), weight_text("f", {18, 8}, 4),
                weight_text("h", {8}, 5), "float two = {2}", weight_text("lw", {1, 16, 4}, 6),
                weight_text("lr", {1, 16, 4}, 7), "int64[3] steps = {2, 2, 4}"},
               R"(
      a = Conv <auto_pad = "SAME_UPPER"> (x, w, c)
      b = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (a)
      d = MaxPool <kernel_shape = [2, 2], strides = [1, 1], pads = [0, 0, 1, 1]> (b)
      e = ConvTranspose <strides = [1, 1], pads = [0, 0, 1, 1]> (d, t)
      g = Pow (e, two)
      i = LRN <size = 3> (g)
      j = Flatten <axis = 1> (i)
      k = Gemm (j, f, h)
      m = Elu (k)
      n = Tanh (m)
      y = Sum (n, m, k)
      p = Reshape (y, steps)
      q = LSTM <hidden_size = 4> (p, lw, lr)
      l = Concat <axis = 0> (q, q))",
               6);
  expect_raised(model);
}

TEST(RaiseOpset, LoopBodiesAndBranches) {
  const Model model = model_of(9, "(float[2,1] x, bool c, int64 n) => (float[2,1] y, float[2,1] z)",
                               {"bool go = {1}"}, R"(
      y = If (c) <
        then_branch = t () => (float[2,1] u) {
          a = Squeeze <axes = [1]> (x)
          u = Unsqueeze <axes = [1]> (a)
        },
        else_branch = e () => (float[2,1] w) {
          b = Slice <starts = [0], ends = [2]> (x)
          w = Neg (b)
        }>
      z = Loop (n, go, x) <
        body = l (int64 i, bool k, float[2,1] s) => (bool k2, float[2,1] s2) {
          k2 = Identity (k)
          d = ReduceSum <axes = [0], keepdims = 1> (s)
          d2 = Add (s, d)
          s2 = Softmax <axis = 0> (d2)
        }>)",
                               6);
  const Model after = expect_raised(model);
  const std::vector<Attribute>& branches = after.graph.nodes[0].attributes;
  EXPECT_EQ(branches[0].graphs[0]->nodes[0].inputs.size(), 2U);
  EXPECT_EQ(branches[1].graphs[0]->nodes[0].inputs.size(), 3U);
  EXPECT_EQ(branches[0].graphs[0]->initializers.size(), 2U);
}

TEST(RaiseOpset, UnknownOperatorsKeepTheOpset) {
  Model model = model_of(9, "(float[2] x) => (float[2] y)", {}, "y = Relu (x)", 6);
  model.graph.nodes[0].op_type = "ImageScaler";
  const std::string note = expect_kept(model);
  EXPECT_NE(note.find("kept opset 9 because of ImageScaler 'y'"), std::string::npos) << note;
  EXPECT_NE(note.find("per tensor"), std::string::npos) << note;
  model.graph.nodes[0].domain = "com.example";
  Notes notes;
  EXPECT_EQ(raise_opset(model, notes), 1);
}

TEST(RaiseOpset, LeavesNewModelsAlone) {
  Model model = model_of(17, "(float[2] x) => (float[2] y)", {}, "y = Relu (x)");
  Notes notes;
  EXPECT_EQ(raise_opset(model, notes), 0);
  EXPECT_TRUE(notes.empty());
  EXPECT_EQ(model.opset(), 17);
}

TEST(RaiseOpset, TheTableHasRealOperatorsOnly) {
  for (const std::string_view op : {"Abs", "Conv", "Xor", "Unsqueeze", "TopK", "MaxPool", "LSTM"}) {
    EXPECT_TRUE(opset_row(op).known) << op;
  }
  EXPECT_FALSE(opset_row("").known);
  EXPECT_FALSE(opset_row("Scale").known);
}

}  // namespace
}  // namespace ptq::testing
