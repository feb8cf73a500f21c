// One layer of a quantized file inside the FP32 model, and which layers to leave out.
#include "validate/single_layer.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/text_model.h"
#include "runtime/model_session.h"
#include "validate/exclude_layers.h"

namespace ptq {
namespace {

using ::testing::ElementsAre;

Model model_of(const std::string& body) {
  return parse_text_model("<ir_version: 8, opset_import: [\"\" : 17]>\n" + body);
}

// y = relu(2 x + 1) · 3, where the first product is a Gemm.
Model float_model() {
  return model_of(
      "g (float[1,2] x) => (float[1,2] y)\n"
      "<float[2,2] w = {2, 0, 0, 2}, float[2] b = {1, 1}, float[2,2] v = {3, 0, 0, 3}>\n"
      "{ [first] t = Gemm(x, w, b)\n [act] r = Relu(t)\n [second] y = MatMul(r, v) }");
}

// Steps of 1 in front of `first`, of 10 in front of `second`; the Relu went into its codes.
Model coded_model() {
  return model_of(
      "g (float[1,2] x) => (float[1,2] y)\n"
      "<float one = {1}, float ten = {10}, int8 z = {0}, uint8 u = {0},\n"
      " int8[2,2] w = {2, 0, 0, 2}, float[2] b = {1, 1}, int8[2,2] v = {3, 0, 0, 3}>\n"
      "{ xq = QuantizeLinear(x, one, z)\n xd = DequantizeLinear(xq, one, z)\n"
      "  wd = DequantizeLinear(w, one, z)\n [first] raw = Gemm(xd, wd, b)\n"
      "  rq = QuantizeLinear(raw, ten, u)\n r = DequantizeLinear(rq, ten, u)\n"
      "  vd = DequantizeLinear(v, one, z)\n [second] y = MatMul(r, vd) }");
}

std::vector<float> run(const Model& model, std::vector<float> x) {
  Tensor input(DType::kFloat, {1, 2});
  std::ranges::copy(x, input.mutable_data<float>().begin());
  const std::vector<Tensor> results = open_session(model, {}).run({{"x", input}});
  const auto values = results.at(0).data<float>();
  return {values.begin(), values.end()};
}

TEST(CodedLayers, AreMatchedByResultAndName) {
  const std::vector<CodedLayer> layers = coded_layers(float_model().graph, coded_model().graph);
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers[0].name, "first");
  // The Relu that the codes absorb is part of what is compared.
  EXPECT_EQ(layers[0].fp32_value, "r");
  EXPECT_EQ(layers[0].file_value, "r");
  EXPECT_EQ(layers[1].name, "second");
  EXPECT_EQ(layers[1].fp32_value, "y");
  EXPECT_EQ(layers[1].file_value, "y");
}

TEST(CodedLayers, AFloatFileHasNone) {
  EXPECT_TRUE(coded_layers(float_model().graph, float_model().graph).empty());
}

TEST(WithOneLayer, CodesThatLayerAlone) {
  const Model fp32 = float_model();
  const Model file = coded_model();
  const std::vector<CodedLayer> layers = coded_layers(fp32.graph, file.graph);
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_THAT(run(fp32, {1.4F, 4.0F}), ElementsAre(testing::FloatEq(11.4F), 27.0F));
  // x becomes 1 and 4.
  EXPECT_THAT(run(with_one_layer(fp32, file.graph, layers[0]), {1.4F, 4.0F}),
              ElementsAre(9.0F, 27.0F));
  // 3.8 and 9 become 0 and 10.
  EXPECT_THAT(run(with_one_layer(fp32, file.graph, layers[1]), {1.4F, 4.0F}),
              ElementsAre(0.0F, 30.0F));
}

LayerErrors errors_of(std::vector<double> alone_db) {
  LayerErrors errors;
  for (const double db : alone_db) {
    errors.layers.push_back({.name = std::to_string(errors.layers.size()),
                             .op_type = "Conv",
                             .depth = 0,
                             .sqnr_db = 0.0,
                             .alone_sqnr_db = db});
  }
  choose_exclusions(errors);
  return errors;
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ChooseExclusions, TakesThreeQuartersOfTheNoise) {
  // Noise 1/1000, 1/100, 1/100, 0.
  const LayerErrors errors = errors_of({30.0, 20.0, 20.0, kInfinity});
  EXPECT_THAT(errors.exclude, ElementsAre("1", "2"));
  EXPECT_NEAR(errors.sqnr_db_without, 30.0, 1e-9);
}

TEST(ChooseExclusions, ALayerThatRuinsTheOutputComesFirst) {
  const LayerErrors errors = errors_of({10.0, -kInfinity, 20.0});
  EXPECT_THAT(errors.exclude, ElementsAre("1"));
  EXPECT_NEAR(errors.sqnr_db_without, -10.0 * std::log10(0.11), 1e-9);
}

TEST(ChooseExclusions, WithoutNoiseNothingIsLeftOut) {
  const LayerErrors errors = errors_of({kInfinity, kInfinity});
  EXPECT_TRUE(errors.exclude.empty());
  EXPECT_EQ(errors.sqnr_db_without, kInfinity);
}

}  // namespace
}  // namespace ptq
