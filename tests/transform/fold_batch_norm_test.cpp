#include <gtest/gtest.h>

#include "graph/index.h"
#include "transform/model_check.h"
#include "transform/passes.h"

namespace ptq::testing {
namespace {

const auto kPass = [](Model& model) {
  Notes notes;
  fold_batch_norm(model, notes);
};

// γ, β, μ, σ² of `channels` channels called g, b, m, v and a suffix.
std::vector<std::string> norm(int64_t channels, uint32_t seed, const std::string& suffix = "") {
  return {weight_text("g" + suffix, {channels}, seed, -2.0F, 2.0F),
          weight_text("b" + suffix, {channels}, seed + 1),
          weight_text("m" + suffix, {channels}, seed + 2),
          weight_text("v" + suffix, {channels}, seed + 3, 0.01F, 3.0F)};
}

std::vector<std::string> join(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(FoldBatchNorm, KnownAnswer) {
  // s = 6 / √(3.99 + 0.01) = 3; W = 2·3, b = (1 − 5)·3 + 7.
  Model model =
      model_of(13, "(float[N,1,H] x) => (float[N,1,H] y)",
               {"float[1,1,1] w = {2}", "float[1] c = {1}", "float[1] g = {6}", "float[1] b = {7}",
                "float[1] m = {5}", "float[1] v = {3.99}"},
               "a = Conv (x, w, c) y = BatchNormalization <epsilon = 0.01> (a, g, b, m, v)");
  Notes notes;
  EXPECT_EQ(fold_batch_norm(model, notes), 1);
  ASSERT_EQ(op_types(model.graph), "Conv");
  EXPECT_EQ(model.graph.nodes[0].outputs[0], "y");
  const GraphIndex index(model.graph);
  EXPECT_FLOAT_EQ(index.constant("w")->tensor.data<float>()[0], 6.0F);
  EXPECT_FLOAT_EQ(index.constant("c")->tensor.data<float>()[0], -5.0F);
  EXPECT_TRUE(notes.empty());
}

TEST(FoldBatchNorm, IntoConvolutions) {
  const std::string signature = "(float[N,4,6,6] x) => (float[N,6,C,D] y)";
  const std::string bn = " y = BatchNormalization (a, g, b, m, v)";
  const std::vector<std::string> weights = {weight_text("w", {6, 4, 3, 3}, 1),
                                            weight_text("c", {6}, 2)};
  const Model plain = model_of(9, signature, join(weights, norm(6, 5)), "a = Conv (x, w, c)" + bn);
  EXPECT_EQ(op_types(expect_same_outputs(plain, kPass).graph), "Conv");
  const Model no_bias = model_of(15, signature, join({weights[0]}, norm(6, 6)),
                                 "a = Conv <pads = [1,1,1,1]> (x, w)" + bn);
  const Model with_bias = expect_same_outputs(no_bias, kPass);
  EXPECT_EQ(with_bias.graph.nodes[0].inputs.size(), 3U);
  const Model grouped =
      model_of(13, signature, join({weight_text("w", {6, 2, 3, 3}, 1)}, norm(6, 7)),
               "a = Conv <group = 2> (x, w)" + bn);
  EXPECT_EQ(op_types(expect_same_outputs(grouped, kPass).graph), "Conv");
}

TEST(FoldBatchNorm, IntoTransposedConvolutions) {
  const std::string bn = " y = BatchNormalization (a, g, b, m, v)";
  const Model plain =
      model_of(13, "(float[N,4,5,5] x) => (float[N,3,C,D] y)",
               join({weight_text("w", {4, 3, 2, 2}, 1), weight_text("c", {3}, 2)}, norm(3, 5)),
               "a = ConvTranspose <strides = [2,2]> (x, w, c)" + bn);
  EXPECT_EQ(op_types(expect_same_outputs(plain, kPass).graph), "ConvTranspose");
  // 4 input channels in 2 groups of 2, 3 output channels a group.
  const Model grouped = model_of(13, "(float[N,4,5,5] x) => (float[N,6,C,D] y)",
                                 join({weight_text("w", {4, 3, 2, 2}, 1)}, norm(6, 5)),
                                 "a = ConvTranspose <group = 2> (x, w)" + bn);
  EXPECT_EQ(op_types(expect_same_outputs(grouped, kPass).graph), "ConvTranspose");
}

TEST(FoldBatchNorm, IntoGemmWithEveryFormOfItsConstants) {
  const std::string signature = "(float[N,4] x) => (float[N,3] y)";
  const std::string bn = " y = BatchNormalization (a, g, b, m, v)";
  for (const std::string c :
       {"float c = {2}", "float[1] c = {2}", "float[3] c = {1,2,3}", "float[1,3] c = {1,2,3}"}) {
    const Model model = model_of(13, signature, join({weight_text("w", {3, 4}, 1), c}, norm(3, 5)),
                                 "a = Gemm <transB = 1, alpha = 0.5, beta = 2.0> (x, w, c)" + bn);
    EXPECT_EQ(op_types(expect_same_outputs(model, kPass).graph), "Gemm") << c;
  }
  const Model no_bias = model_of(13, signature, join({weight_text("w", {4, 3}, 1)}, norm(3, 5)),
                                 "a = Gemm (x, w)" + bn);
  EXPECT_EQ(op_types(expect_same_outputs(no_bias, kPass).graph), "Gemm");
}

TEST(FoldBatchNorm, IntoMatMulOfMatrices) {
  const std::string signature = "(float[N,4] x) => (float[N,3] y)";
  const std::string bn = " y = BatchNormalization (a, g, b, m, v)";
  const Model bare = model_of(13, signature, join({weight_text("w", {4, 3}, 1)}, norm(3, 5)),
                              "a = MatMul (x, w)" + bn);
  EXPECT_EQ(op_types(expect_same_outputs(bare, kPass).graph), "Gemm");
  const Model biased = model_of(
      13, signature, join({weight_text("w", {4, 3}, 1), weight_text("c", {3}, 2)}, norm(3, 5)),
      "t = MatMul (x, w) a = Add (c, t)" + bn);
  EXPECT_EQ(op_types(expect_same_outputs(biased, kPass).graph), "Gemm");
  // Axis 1 of three is not the axis of the columns, though it has as many.
  const Model batched =
      model_of(13, "(float[N,3,4] x) => (float[N,3,3] y)",
               join({weight_text("w", {4, 3}, 1)}, norm(3, 5)), "a = MatMul (x, w)" + bn);
  EXPECT_EQ(op_types(expect_same_outputs(batched, kPass).graph), "MatMul BatchNormalization");
}

TEST(FoldBatchNorm, CopiesSharedWeights) {
  const Model model =
      model_of(13, "(float[N,2,4] x) => (float[N,2,4] y, float[N,2,4] z, float[2,2,1] q)",
               join(join({weight_text("w", {2, 2, 1}, 1), weight_text("c", {2}, 2)}, norm(2, 5)),
                    norm(2, 9, "2")),
               R"(
      a = Conv (x, w, c)
      y = BatchNormalization (a, g, b, m, v)
      d = Conv (x, w, c)
      z = BatchNormalization (d, g2, b2, m2, v2)
      q = Relu (w))");
  const Model after = expect_same_outputs(model, kPass);
  EXPECT_EQ(op_types(after.graph), "Conv Conv Relu");
  EXPECT_EQ(after.graph.nodes[2].inputs[0], "w");
}

TEST(FoldBatchNorm, KeepsConvolutionsThatOthersRead) {
  const std::vector<std::string> weights = join({weight_text("w", {2, 2, 1}, 1)}, norm(2, 5));
  const std::string conv_bn = "a = Conv (x, w) y = BatchNormalization (a, g, b, m, v) ";
  const Model models[] = {
      model_of(13, "(float[N,2,4] x) => (float[N,2,4] y, float[N,2,4] z)", weights,
               conv_bn + "z = Relu (a)"),
      model_of(13, "(float[N,2,4] x) => (float[N,2,4] y, float[N,2,4] a)", weights, conv_bn),
      model_of(13, "(float[N,2,4] x, bool c) => (float[N,2,4] y, float[N,2,4] z)", weights,
               conv_bn + R"(z = If (c) <
                 then_branch = t () => (float[N,2,4] u) { u = Neg (a) },
                 else_branch = e () => (float[N,2,4] o) { o = Abs (x) }>)"),
  };
  for (const Model& model : models) {
    Model after = expect_same_outputs(model, kPass, 0.0);
    EXPECT_EQ(after.graph.nodes[1].op_type, "BatchNormalization");
    Notes notes;
    EXPECT_EQ(fold_batch_norm(after, notes), 0);
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_NE(notes[0].find("used elsewhere"), std::string::npos) << notes[0];
  }
}

TEST(FoldBatchNorm, KeepsWhatIsNotAConstantOrHasNothingBefore) {
  const std::string conv_bn = "a = Conv (x, w) y = BatchNormalization (a, g, b, m, v) ";
  Notes notes;
  // The weight is a graph input with a default.
  Model overridable = model_of(13, "(float[N,2,4] x) => (float[N,2,4] y)",
                               join({weight_text("w", {2, 2, 1}, 1)}, norm(2, 5)), conv_bn);
  overridable.graph.inputs.push_back(
      {.name = "w", .dtype = DType::kFloat, .has_shape = true, .shape = {2, 2, 1}});
  EXPECT_EQ(fold_batch_norm(overridable, notes), 0);
  Model relu = model_of(13, "(float[N,2,4] x) => (float[N,2,4] y)", norm(2, 5),
                        "a = Relu (x) y = BatchNormalization (a, g, b, m, v)");
  EXPECT_EQ(fold_batch_norm(relu, notes), 0);
  Model training = model_of(14, "(float[N,2,4] x) => (float[N,2,4] y)",
                            join({weight_text("w", {2, 2, 1}, 1)}, norm(2, 5)),
                            "a = Conv (x, w) y, p, q = BatchNormalization <training_mode = 1> "
                            "(a, g, b, m, v)");
  EXPECT_EQ(fold_batch_norm(training, notes), 0);
  Model negative = model_of(13, "(float[N,1,4] x) => (float[N,1,4] y)",
                            {"float[1,1,1] w = {1}", "float[1] g = {1}", "float[1] b = {1}",
                             "float[1] m = {1}", "float[1] v = {-1}"},
                            conv_bn);
  EXPECT_EQ(fold_batch_norm(negative, notes), 0);
  EXPECT_EQ(notes.size(), 3U);  // all but the one in training
}

TEST(FoldBatchNorm, WorksInInnerGraphs) {
  const Model model = model_of(13, "(float[N,2,4] x, bool c) => (float[N,2,4] y)", {}, R"(
      y = If (c) <
        then_branch = t () => (float[N,2,4] u)
          <float[2,2,1] w = {1, 2, 3, 4}, float[2] g = {2, 3}, float[2] b = {1, 2},
           float[2] m = {3, 4}, float[2] v = {0.5, 2}>
          { a = Conv (x, w) u = BatchNormalization (a, g, b, m, v) },
        else_branch = e () => (float[N,2,4] o) { o = Abs (x) }>)");
  const Model after = expect_same_outputs(model, kPass);
  EXPECT_EQ(op_types(*after.graph.nodes[0].attributes[0].graphs[0]), "Conv");
}

}  // namespace
}  // namespace ptq::testing
