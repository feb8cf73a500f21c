#include <gtest/gtest.h>

#include "transform/model_check.h"
#include "transform/passes.h"
#include "transform/prepare.h"

namespace ptq::testing {
namespace {

Model gated(const std::string& body, int64_t opset = 13) {
  return model_of(opset, "(float[N,3,4] u) => (float[N,3,4] y)", {"float nine = {9}"},
                  "x = Mul(u, nine) " + body);
}

constexpr const char* kGated = "g = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x) y = Mul(x, g)";

TEST(FuseHardSwish, ProductWithItsOwnGate) {
  const Model after = expect_same_outputs(
      gated(kGated),
      [](Model& model) {
        Notes notes;
        EXPECT_EQ(fuse_hard_swish(model, notes), 1);
        EXPECT_EQ(notes.size(), 1U);
      },
      1e-6);
  EXPECT_EQ(op_types(after.graph), "Mul HardSwish");
  EXPECT_EQ(after.opset(), 14);
}

TEST(FuseHardSwish, NewerOpsetsStayWhatTheyAre) {
  Model model = gated("g = HardSigmoid<alpha = 0.1666667, beta = 0.5>(x) y = Mul(g, x)", 17);
  Notes notes;
  EXPECT_EQ(fuse_hard_swish(model, notes), 1);
  EXPECT_TRUE(notes.empty());
  EXPECT_EQ(model.opset(), 17);
}

TEST(FuseHardSwish, OtherGatesStay) {
  for (const char* body :
       {"g = HardSigmoid(x) y = Mul(x, g)",
        "g = HardSigmoid<alpha = 0.1667, beta = 0.5>(x) y = Mul(x, g)",
        "g = HardSigmoid<alpha = 0.16666667, beta = 0.4>(x) y = Mul(x, g)",
        "g = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x) y = Mul(u, g)",
        "g = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x) m = Mul(x, g) y = Add(m, g)"}) {
    Model model = gated(body);
    Notes notes;
    EXPECT_EQ(fuse_hard_swish(model, notes), 0) << body;
    EXPECT_EQ(model.opset(), 13) << body;
  }
}

TEST(FuseHardSwish, OpsetsBefore13KeepThePair) {
  Model model = gated(kGated, 12);
  Notes notes;
  EXPECT_EQ(fuse_hard_swish(model, notes), 0);
  EXPECT_EQ(op_types(model.graph), "Mul HardSigmoid Mul");
}

TEST(FuseHardSwish, BatchNormalizationForTrainingKeepsOpset13) {
  Model model = gated(kGated);
  model.graph.nodes.push_back({.op_type = "BatchNormalization",
                               .inputs = {"y", "a", "b", "c", "d"},
                               .outputs = {"n", "mean", "variance", "m2", "v2"}});
  Notes notes;
  EXPECT_EQ(fuse_hard_swish(model, notes), 0);
  EXPECT_EQ(model.opset(), 13);
}

TEST(FuseHardSwish, PrepareTurnsTheWholeChainOfAnOldFileIntoOneOperator) {
  const Model model = model_of(
      9, "(float[N,2,4,4] u) => (float[N,2,4,4] y)",
      {weight_text("w", {2, 2, 1, 1}, 1), weight_text("v", {2, 2, 1, 1}, 2, -4.0F, 4.0F)}, R"(
      three = Constant <value = float[1] {3}> ()
      six = Constant <value = float[1] {6}> ()
      x = Conv (u, v)
      s = Add (x, three)
      c = Clip <min = 0.0, max = 6.0> (s)
      m = Mul (x, c)
      d = Div (m, six)
      y = Conv (d, w))",
      6);
  const Model after = expect_same_outputs(model, [](Model& m) { prepare(m); });
  EXPECT_EQ(op_types(after.graph), "Conv HardSwish Conv");
  EXPECT_EQ(after.opset(), 14);
}

}  // namespace
}  // namespace ptq::testing
