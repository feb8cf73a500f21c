#include <gtest/gtest.h>

#include "transform/model_check.h"
#include "transform/passes.h"

namespace ptq::testing {
namespace {

const auto kPass = [](Model& model) {
  Notes notes;
  fold_channel_affine(model, notes);
};

TEST(FoldChannelAffine, FoldsChainsOfEveryKind) {
  const Model model = model_of(
      13, "(float[N,2,4,4] x) => (float[N,3,4,4] y)",
      {weight_text("w", {3, 2, 1, 1}, 1), weight_text("s", {1, 3, 1, 1}, 2),
       weight_text("t", {3, 1, 1}, 3), "float k = {0.5}", weight_text("u", {1, 3, 1, 1}, 4)},
      R"(
      a = Conv (x, w)
      b = Mul (s, a)
      c = Add (b, t)
      d = Div (c, k)
      e = Sub (u, d)
      y = Sub (e, k))");
  EXPECT_EQ(op_types(expect_same_outputs(model, kPass).graph), "Conv");
}

TEST(FoldChannelAffine, FoldsIntoGemmAndGroupedConvTranspose) {
  const Model gemm =
      model_of(13, "(float[N,2] x) => (float[N,3] y)",
               {weight_text("w", {2, 3}, 1), weight_text("s", {3}, 2), weight_text("t", {1, 3}, 3)},
               "a = Gemm (x, w) b = Mul (a, s) y = Add (b, t)");
  EXPECT_EQ(op_types(expect_same_outputs(gemm, kPass).graph), "Gemm");
  const Model transposed = model_of(13, "(float[N,4,5] x) => (float[N,6,L] y)",
                                    {weight_text("w", {4, 3, 2}, 1), weight_text("s", {6, 1}, 2)},
                                    "a = ConvTranspose <group = 2> (x, w) y = Mul (a, s)");
  EXPECT_EQ(op_types(expect_same_outputs(transposed, kPass).graph), "ConvTranspose");
}

TEST(FoldChannelAffine, KeepsOtherShapes) {
  const std::string signature = "(float[N,2,3,3] x) => (float[N,3,3,3] y)";
  const std::string w = weight_text("w", {3, 2, 1, 1}, 1);
  // [3]: the last axis; [1,3,3,1]: per channel and row; [2,3,1,1]: per sample.
  for (const Shape& shape : {Shape{3}, Shape{1, 3, 3, 1}, Shape{2, 3, 1, 1}, Shape{3, 1}}) {
    const Model model =
        model_of(13, signature, {w, weight_text("s", shape, 2)}, "a = Conv (x, w) y = Mul (a, s)");
    EXPECT_EQ(op_types(expect_same_outputs(model, kPass, 0.0).graph), "Conv Mul")
        << shape_text(shape);
  }
  // One rank more: the result would have it, too.
  const Model wider =
      model_of(13, "(float[N,2,3,3] x) => (float[1,N,3,3,3] y)",
               {w, weight_text("s", {1, 1, 3, 1, 1}, 2)}, "a = Conv (x, w) y = Mul (a, s)");
  EXPECT_EQ(op_types(expect_same_outputs(wider, kPass, 0.0).graph), "Conv Mul");
  const Model used = model_of(13, signature, {w, "float k = {2}"},
                              "a = Conv (x, w) b = Mul (a, k) y = Add (a, b)");
  EXPECT_EQ(op_types(expect_same_outputs(used, kPass, 0.0).graph), "Conv Mul Add");
  const Model divided = model_of(13, signature, {w, "float k = {2}"},
                                 "a = Conv (x, w) b = Exp (a) c = Conv (x, w) y = Add (b, c)");
  EXPECT_EQ(op_types(expect_same_outputs(divided, kPass, 0.0).graph), "Conv Exp Conv Add");
}

TEST(FoldChannelAffine, KeepsDivisionOfAConstant) {
  const Model inverse =
      model_of(13, "(float[N,2] x) => (float[N,3] y)",
               {weight_text("w", {2, 3}, 1), "float k = {2}"}, "a = Gemm (x, w) y = Div (k, a)");
  EXPECT_EQ(op_types(expect_same_outputs(inverse, kPass, 0.0).graph), "Gemm Div");
}

TEST(FoldChannelAffine, MakesAGemmOfAMatMulOfMatricesAndItsBias) {
  const std::vector<std::string> constants = {weight_text("w", {2, 3}, 1),
                                              weight_text("t", {3}, 2)};
  const std::string nodes = "r = Relu (x) a = MatMul (r, w) b = Add (t, a) y = Relu (b)";
  const Model matrix = model_of(13, "(float[N,2] x) => (float[N,3] y)", constants, nodes);
  EXPECT_EQ(op_types(expect_same_outputs(matrix, kPass, 1e-6).graph), "Relu Gemm Relu");
  // Gemm has no batch.
  const Model batch = model_of(13, "(float[B,N,2] x) => (float[B,N,3] y)", constants, nodes);
  EXPECT_EQ(op_types(expect_same_outputs(batch, kPass, 0.0).graph), "Relu MatMul Add Relu");
}

TEST(FoldChannelAffine, KeepsAFactorThatWouldOverflow) {
  Model model =
      model_of(13, "(float[N,1,3] x) => (float[N,1,3] y)",
               {"float[1,1,1] w = {1e30}", "float k = {1e30}"}, "a = Conv (x, w) y = Mul (a, k)");
  Notes notes;
  EXPECT_EQ(fold_channel_affine(model, notes), 0);
  EXPECT_EQ(notes.size(), 1U);
}

}  // namespace
}  // namespace ptq::testing
