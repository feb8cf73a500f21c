// A product that a plan leaves in float between codes must be float in the runtime as well.
#include "transform/shield_float_products.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "onnx_io/infer_shapes.h"
#include "onnx_io/text_model.h"
#include "plan/model_plan.h"
#include "runtime/model_session.h"
#include "transform/insert_qdq.h"
#include "transform/model_check.h"

namespace ptq {
namespace {

struct Case {
  std::string name;
  std::string middle;  // from a to b, both [2,6,5,5] or [2,6]
  std::string weight;
  bool matrix = false;
};

std::ostream& operator<<(std::ostream& out, const Case& test) {
  return out << test.name;
}

Model model_of(const Case& test) {
  const std::string shape = test.matrix ? "[2,6]" : "[2,6,5,5]";
  const std::string op = test.matrix ? "Gemm" : "Conv";
  const Shape outer = test.matrix ? Shape{6, 6} : Shape{6, 6, 1, 1};
  Model model = parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 13]>\ng (float" + shape + " x) => (float" + shape +
      " y)\n<" + testing::weight_text("u", outer, 1) + ", " + test.weight + ", " +
      testing::weight_text("v", outer, 3) + ", " + testing::weight_text("c", {6}, 4) +
      ">\n{ a = " + op + "(x, u, c)\n " + test.middle + "\n y = " + op + "(b, v, c) }");
  infer_shapes(model);
  return model;
}

class Shielded : public ::testing::TestWithParam<Case> {};

TEST_P(Shielded, StaysFloatBetweenIntegerNeighbours) {
  const Model model = model_of(GetParam());
  std::map<std::string, ChosenRange> ranges;
  for (const char* value : {"x", "a", "b", "y"}) {
    ranges[value] = {{.lo = -6.0F, .hi = 6.0F}, "absmax", "given"};
  }
  const QuantPlan plan =
      plan_known_ranges(model.graph, {"b"}, ranges, targets().front(), WeightForm::kInt8);
  const Model written = insert_qdq(model, plan).model;
  int integer = 0;
  int in_float = 0;
  for (const Node& node : optimized_model(written, {}).graph.nodes) {
    integer += node.op_type == "QLinearConv" || node.op_type == "QGemm" ? 1 : 0;
    in_float +=
        node.op_type == "Conv" || node.op_type == "Gemm" || node.op_type == "FusedConv" ? 1 : 0;
  }
  EXPECT_EQ(integer, 2);
  EXPECT_EQ(in_float, 1);
  SessionOptions plain;
  plain.level = OptLevel::kNone;
  const auto feeds = testing::random_feeds(model, 5);
  const std::vector<Tensor> expected = open_session(written, plain).run(feeds);
  const std::vector<Tensor> got = open_session(written, {}).run(feeds);
  EXPECT_LT(testing::max_relative_difference(expected, got), 0.03);  // one code of 255
}

INSTANTIATE_TEST_SUITE_P(Products, Shielded,
                         ::testing::Values(Case{"Conv", "b = Conv<pads=[1,1,1,1]>(a, w, c)",
                                                testing::weight_text("w", {6, 6, 3, 3}, 2)},
                                           Case{"ConvOfGroups", "b = Conv<group=3>(a, w)",
                                                testing::weight_text("w", {6, 2, 1, 1}, 2)},
                                           Case{"Gemm", "b = Gemm(a, w, c)",
                                                testing::weight_text("w", {6, 6}, 2), true},
                                           Case{"GemmTransposed", "b = Gemm<transB=1>(a, w)",
                                                testing::weight_text("w", {6, 6}, 2), true}),
                         [](const auto& instance) { return instance.param.name; });

TEST(ShieldFloatProducts, IntegerModelsAreLeftAlone) {
  const Model model = model_of({"Conv", "b = Relu(a)", testing::weight_text("w", {1}, 2)});
  std::map<std::string, ChosenRange> ranges;
  for (const char* value : {"x", "b", "y"}) {
    ranges[value] = {{.lo = 0.0F, .hi = 6.0F}, "absmax", "given"};
  }
  Model written = insert_qdq(model, plan_known_ranges(model.graph, {}, ranges, targets().front(),
                                                      WeightForm::kInt8))
                      .model;
  EXPECT_EQ(shield_float_products(written), 0);
}

}  // namespace
}  // namespace ptq
