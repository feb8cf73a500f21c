#include <gtest/gtest.h>

#include "onnx_io/text_model.h"
#include "transform/model_check.h"
#include "transform/passes.h"

namespace ptq {
namespace {

Model pad_model(const std::string& pads, const std::string& conv_attributes,
                const std::string& pad_attributes = "") {
  return parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 13]>\n"
      "g (float[1,1,4,4] x) => (float[1,1,H,W] y)\n"
      "<int64[8] p = {" +
      pads +
      "}, float[1,1,3,3] w = "
      "{1,2,3,4,5,6,7,8,9}>\n"
      "{ t = Pad" +
      pad_attributes +
      "(x, p)\n"
      "  y = Conv" +
      conv_attributes + "(t, w) }");
}

TEST(FoldPad, AddsToThePadsOfConv) {
  Model model = pad_model("0,0,1,2,0,0,3,4", "<pads=[1,0,0,1]>");
  Notes notes;
  EXPECT_EQ(fold_pad(model, notes), 1);
  ASSERT_EQ(model.graph.nodes.size(), 1U);
  EXPECT_EQ(model.graph.nodes[0].ints_attribute("pads"), (std::vector<int64_t>{2, 2, 3, 5}));
  EXPECT_EQ(model.graph.nodes[0].inputs[0], "x");
}

TEST(FoldPad, LeavesWhatConvCannotTake) {
  Notes notes;
  for (Model model : {pad_model("0,1,1,1,0,0,1,1", ""),   // channels
                      pad_model("0,0,-1,0,0,0,0,0", ""),  // a crop
                      pad_model("0,0,1,1,0,0,1,1", "<auto_pad=\"SAME_UPPER\">"),
                      pad_model("0,0,1,1,0,0,1,1", "", "<mode=\"edge\">")}) {
    EXPECT_EQ(fold_pad(model, notes), 0);
    EXPECT_EQ(model.graph.nodes.size(), 2U);
  }
}

TEST(FoldPad, LeavesAPadThatOthersRead) {
  Model model = parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 13]>\n"
      "g (float[1,1,4,4] x) => (float[1,1,H,W] y, float[1,1,6,6] t)\n"
      "<int64[8] p = {0,0,1,1,0,0,1,1}, float[1,1,3,3] w = {1,2,3,4,5,6,7,8,9}>\n"
      "{ t = Pad(x, p)\n  y = Conv(t, w) }");
  Notes notes;
  EXPECT_EQ(fold_pad(model, notes), 0);
}

TEST(FoldPad, KeepsTheOutputs) {
  const auto pass = [](Model& model) {
    Notes notes;
    fold_pad(model, notes);
  };
  const Model model =
      testing::model_of(13, "(float[2,3,5,6] x) => (float[2,2,H,W] y)",
                        {testing::weight_text("w", {2, 3, 3, 3}, 1),
                         "int64[8] p = {0,0,1,0,0,0,2,3}", "float zero = {0}"},
                        "t = Pad (x, p, zero) y = Conv <pads = [0,1,1,0], strides = [2,1]> (t, w)");
  EXPECT_EQ(testing::op_types(testing::expect_same_outputs(model, pass, 1e-6).graph), "Conv");
}

}  // namespace
}  // namespace ptq
