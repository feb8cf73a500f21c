#include <gtest/gtest.h>

#include "graph/index.h"
#include "transform/model_check.h"
#include "transform/passes.h"

namespace ptq::testing {
namespace {

const auto kPass = [](Model& model) {
  Notes notes;
  fold_gemm_factors(model, notes);
};

TEST(FoldGemmFactors, ScalesWeightAndSummand) {
  const Model model = model_of(13, "(float[N,2] x) => (float[N,2] y)",
                               {"float[2,2] w = {1, 2, 3, 4}", "float[1,2] c = {10, 20}"},
                               "y = Gemm <alpha = 0.5, beta = 3.0, transB = 1> (x, w, c)");
  const Model after = expect_same_outputs(model, kPass);
  EXPECT_EQ(after.graph.nodes[0].find_attribute("alpha"), nullptr);
  EXPECT_EQ(after.graph.nodes[0].find_attribute("beta"), nullptr);
  const GraphIndex index(after.graph);
  EXPECT_EQ(index.constant("w")->tensor.data<float>()[3], 2.0F);
  EXPECT_EQ(index.constant("c")->tensor.data<float>()[1], 60.0F);
}

TEST(FoldGemmFactors, CopiesASharedWeight) {
  const Model model = model_of(13, "(float[2,2] x) => (float[2,2] y, float[2,2] z)",
                               {"float[2,2] w = {1, 2, 3, 4}"},
                               "y = Gemm <alpha = 0.5, beta = 0.25> (x, w, w) z = MatMul (x, w)");
  const Model after = expect_same_outputs(model, kPass);
  EXPECT_EQ(after.graph.initializers.size(), 3U);
  EXPECT_EQ(after.graph.nodes[1].inputs[1], "w");
}

TEST(FoldGemmFactors, DropsASummandThatBetaSwitchesOff) {
  const Model model = model_of(13, "(float[2,2] x, float[2] c) => (float[2,2] y)",
                               {"float[2,2] w = {1, 2, 3, 4}"}, "y = Gemm <beta = 0.0> (x, w, c)");
  const Model after = expect_same_outputs(model, kPass);
  EXPECT_EQ(after.graph.nodes[0].inputs.size(), 2U);
}

TEST(FoldGemmFactors, NotesWhatIsNoConstant) {
  Model model = model_of(13, "(float[2,2] x, float[2,2] w, float[2] c) => (float[2,2] y)", {},
                         "y = Gemm <alpha = 2.0, beta = 3.0> (x, w, c)");
  Notes notes;
  EXPECT_EQ(fold_gemm_factors(model, notes), 0);
  EXPECT_EQ(notes.size(), 2U);
  EXPECT_EQ(model.graph.nodes[0].float_attribute("alpha", 0), 2.0F);
  EXPECT_EQ(model.graph.nodes[0].float_attribute("beta", 0), 3.0F);
}

TEST(FoldGemmFactors, KeepsAFactorThatWouldOverflow) {
  Model model = model_of(13, "(float[2,2] x) => (float[2,2] y)", {"float[2,2] w = {1, 2, 3, 3e38}"},
                         "y = Gemm <alpha = 2.0> (x, w)");
  Notes notes;
  EXPECT_EQ(fold_gemm_factors(model, notes), 0);
  EXPECT_EQ(model.graph.initializers[0].tensor.data<float>()[3], 3e38F);
}

}  // namespace
}  // namespace ptq::testing
