#include "plan/inherit_ranges.h"

#include <gtest/gtest.h>

#include "onnx_io/text_model.h"

namespace ptq {
namespace {

TEST(InheritRanges, FollowsOperatorsThatOnlyMoveValues) {
  const Model model = parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 13]>\n"
      "g (float[2,6] x) => (float[3,4] y, float[2,6] z)\n<int64[2] s = {3, 4}>\n"
      "{ a = Transpose(x)\n y = Reshape(a, s)\n z = Tanh(x) }");
  const ModelIndex index(model.graph);
  std::map<std::string, ChosenRange> ranges = {
      {"x", {{.lo = -2.0F, .hi = 3.0F}, "mse", "measured"}}};
  inherit_ranges(index, {"y", "z"}, ranges);
  ASSERT_TRUE(ranges.contains("y"));
  EXPECT_EQ(ranges["y"].range.hi, 3.0F);
  EXPECT_EQ(ranges["y"].estimator, "mse");
  EXPECT_NE(ranges["y"].reason.find("x"), std::string::npos);
  EXPECT_FALSE(ranges.contains("z"));  // Tanh makes other values
}

TEST(InheritRanges, AMeasuredRangeStays) {
  const Model model = parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 13]>\n"
      "g (float[2,6] x) => (float[6,2] y) { y = Transpose(x) }");
  const ModelIndex index(model.graph);
  std::map<std::string, ChosenRange> ranges = {
      {"x", {{.lo = -2.0F, .hi = 3.0F}, "mse", "measured"}},
      {"y", {{.lo = -1.0F, .hi = 1.0F}, "absmax", "own"}}};
  inherit_ranges(index, {"y"}, ranges);
  EXPECT_EQ(ranges["y"].reason, "own");
}

}  // namespace
}  // namespace ptq
