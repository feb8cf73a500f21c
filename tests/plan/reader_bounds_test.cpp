#include "plan/reader_bounds.h"

#include <cmath>

#include <gtest/gtest.h>

#include "onnx_io/text_model.h"

namespace ptq {
namespace {

SaturationBounds bounds_of_a(const std::string& nodes, const std::string& outputs = "float[4] y") {
  const Model model =
      parse_text_model("<ir_version: 8, opset_import: [\"\" : 14]>\ng (float[4] x) => (" + outputs +
                       ") { a = Neg(x)\n " + nodes + " }");
  const GraphIndex index(model.graph);
  return reader_bounds("a", index);
}

TEST(ReaderBounds, SigmoidEndsOnBothSides) {
  const SaturationBounds bounds = bounds_of_a("y = Sigmoid(a)");
  EXPECT_EQ(bounds.lo, -8.0F);
  EXPECT_EQ(bounds.hi, 8.0F);
}

TEST(ReaderBounds, GatedValueIsOpenAbove) {
  const SaturationBounds silu = bounds_of_a("s = Sigmoid(a)\n y = Mul(a, s)");
  EXPECT_EQ(silu.lo, -8.0F);
  EXPECT_TRUE(std::isinf(silu.hi));
  const SaturationBounds hard =
      bounds_of_a("s = HardSigmoid<alpha=0.25, beta=0.5>(a)\n y = Mul(s, a)");
  EXPECT_EQ(hard.lo, -2.0F);
  EXPECT_TRUE(std::isinf(hard.hi));
  EXPECT_EQ(bounds_of_a("y = HardSwish(a)").lo, -3.0F);
}

TEST(ReaderBounds, OtherReadersTakeThemAway) {
  for (const char* nodes :
       {"y = Tanh(a)", "s = Sigmoid(a)\n t = Tanh(a)\n y = Add(s, t)",
        "s = Sigmoid(x)\n y = Mul(a, s)", "s = Sigmoid(a)\n t = Mul(s, s)\n y = Mul(t, a)"}) {
    SCOPED_TRACE(nodes);
    const SaturationBounds bounds = bounds_of_a(nodes);
    EXPECT_TRUE(std::isinf(bounds.lo));
    EXPECT_TRUE(std::isinf(bounds.hi));
  }
  EXPECT_TRUE(std::isinf(bounds_of_a("y = Sigmoid(a)", "float[4] y, float[4] a").lo));
}

TEST(ReaderBounds, CuttingKeepsAnInterval) {
  const SaturationBounds bounds{.lo = -3.0F, .hi = 2.0F};
  const Range inner = cut_range({.lo = -1.0F, .hi = 1.0F}, bounds);
  EXPECT_EQ(inner.lo, -1.0F);
  EXPECT_EQ(inner.hi, 1.0F);
  const Range wide = cut_range({.lo = -9.0F, .hi = 9.0F}, bounds);
  EXPECT_EQ(wide.lo, -3.0F);
  EXPECT_EQ(wide.hi, 2.0F);
  const Range above = cut_range({.lo = 5.0F, .hi = 9.0F}, bounds);
  EXPECT_LE(above.lo, above.hi);
  const Range below = cut_range({.lo = -9.0F, .hi = -5.0F}, bounds);
  EXPECT_LE(below.lo, below.hi);
}

}  // namespace
}  // namespace ptq
