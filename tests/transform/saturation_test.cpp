// What the forecast of saturation says about weights, asked of the runtime itself: with all
// weights and activations at their extremes, pairs that add up beyond 128 saturate on x86 without
// VNNI, in exactly the order that plan/reduction_order.h gives; limited weights never do.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "onnx_io/infer_shapes.h"
#include "onnx_io/text_model.h"
#include "plan/make_plan.h"
#include "plan/reduction_order.h"
#include "runtime/model_session.h"
#include "runtime/processor.h"
#include "transform/insert_qdq.h"

namespace ptq {
namespace {

struct Case {
  std::string name;
  std::string op;  // operator text with attributes
  Shape input;
  Shape weight;
  std::vector<size_t> ones;  // flat indices of the weights of output 0 that are 1; the others are 0
  bool saturates = false;    // without VNNI
};

std::ostream& operator<<(std::ostream& out, const Case& test) {
  return out << test.name;
}

std::string dims(const Shape& shape) {
  std::string out;
  for (const int64_t dim : shape) {
    out += (out.empty() ? "" : ",") + std::to_string(dim);
  }
  return "[" + out + "]";
}

bool exact_products() {
  const std::vector<std::string> features = cpu_features();
  return std::ranges::any_of(features, [](const std::string& feature) {
    return feature.find("vnni") != std::string::npos || feature == "amx_int8" ||
           feature == "dotprod" || feature == "i8mm";
  });
}

Model model_of(const Case& test) {
  std::string values;
  for (int64_t i = 0; i < element_count(test.weight); ++i) {
    const bool one = std::ranges::find(test.ones, static_cast<size_t>(i)) != test.ones.end();
    values += (i > 0 ? "," : "") + std::string(one ? "1" : "0");
  }
  Model model = parse_text_model("<ir_version: 8, opset_import: [\"\" : 13]>\ng (float" +
                                 dims(test.input) + " x) => (float y)\n<float" + dims(test.weight) +
                                 " w = {" + values + "}>\n{ y = " + test.op + "(x, w) }");
  infer_shapes(model);
  return model;
}

// Largest output for inputs of 1, codes 255.
float largest_output(const Case& test, WeightForm form, OptLevel level) {
  const Model model = model_of(test);
  const std::map<std::string, ChosenRange> ranges = {
      {"x", {{.lo = 0.0F, .hi = 1.0F}, "absmax", "given"}},
      {"y", {{.lo = 0.0F, .hi = 16.0F}, "absmax", "given"}}};
  const QuantPlan plan =
      make_plan(model.graph, analyze_structure(model.graph, {}, targets().front()), ranges,
                targets().front(), form);
  SessionOptions options;
  options.level = level;
  const Session session = open_session(insert_qdq(model, plan).model, options);
  Tensor input(DType::kFloat, test.input);
  std::ranges::fill(input.mutable_data<float>(), 1.0F);
  const std::vector<Tensor> outputs = session.run({{"x", input}});
  return *std::ranges::max_element(outputs[0].data<float>());
}

class Saturation : public ::testing::TestWithParam<Case> {};

TEST_P(Saturation, TheRuntimeDoesWhatTheForecastSays) {
  const Case& test = GetParam();
  const Model model = model_of(test);
  const Node& node = model.graph.nodes.at(0);
  std::vector<int8_t> codes(static_cast<size_t>(element_count(test.weight)), 0);
  for (const size_t one : test.ones) {
    codes[one] = 127;
  }
  const bool forecast = adds_in_16_bits(node, test.weight) &&
                        largest_pair_sum(codes, reduction_order(node, test.weight)) > kSafePairSum;
  EXPECT_EQ(forecast, test.saturates);
  if (exact_products()) {
    GTEST_SKIP() << "this processor has exact 8-bit products, so saturation cannot be seen";
  }
  const float plain = largest_output(test, WeightForm::kInt8, OptLevel::kNone);
  const float fused = largest_output(test, WeightForm::kInt8, OptLevel::kAll);
  EXPECT_EQ(std::abs(fused - plain) > 0.5F, test.saturates) << plain << " " << fused;
}

TEST_P(Saturation, SafeWeightsNeverSaturate) {
  const float plain = largest_output(GetParam(), WeightForm::kInt8Safe, OptLevel::kNone);
  const float fused = largest_output(GetParam(), WeightForm::kInt8Safe, OptLevel::kAll);
  EXPECT_NEAR(plain, static_cast<float>(GetParam().ones.size()), 0.1F);
  EXPECT_NEAR(fused, plain, 16.0F / 255.0F * 1.01F);
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, Saturation,
    ::testing::Values(
        Case{"ConvFirstPair", "Conv", {1, 4, 6, 6}, {8, 4, 1, 1}, {0, 1}, true},
        Case{"ConvMiddleIsNoPair", "Conv", {1, 4, 6, 6}, {8, 4, 1, 1}, {1, 2}, false},
        Case{"ConvPositionsOfOneChannel", "Conv", {1, 4, 6, 6}, {8, 4, 1, 2}, {0, 1}, false},
        Case{"ConvChannelsOfOnePosition", "Conv", {1, 4, 6, 6}, {8, 4, 1, 2}, {0, 2}, true},
        Case{"ConvPairAcrossPositions", "Conv", {1, 3, 6, 6}, {8, 3, 1, 2}, {4, 1}, true},
        Case{"ConvOfGroups", "Conv<group=2>", {1, 8, 6, 6}, {8, 4, 1, 1}, {0, 1}, true},
        Case{"DepthwiseConv", "Conv<group=8>", {1, 8, 6, 6}, {8, 1, 3, 3}, {0, 1, 2, 3}, false},
        Case{"DepthwiseConvOfTwoOutputs",
             "Conv<group=8>",
             {1, 8, 6, 6},
             {16, 1, 3, 3},
             {0, 1, 2, 3},
             true},
        Case{"MatMulFirstPair", "MatMul", {6, 4}, {4, 8}, {0, 8}, true},
        Case{"MatMulMiddleIsNoPair", "MatMul", {6, 4}, {4, 8}, {8, 16}, false},
        Case{"MatMulOfOneRow", "MatMul", {1, 4}, {4, 8}, {0, 8}, true},
        Case{"GemmTransposed", "Gemm<transB=1>", {6, 4}, {8, 4}, {0, 1}, true},
        Case{"Gemm", "Gemm", {6, 4}, {4, 8}, {0, 8}, true}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace ptq
