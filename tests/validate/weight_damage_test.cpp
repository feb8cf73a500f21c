#include "validate/weight_damage.h"

#include <gtest/gtest.h>

#include "onnx_io/text_model.h"

namespace ptq {
namespace {

Model text(const std::string& body) {
  return parse_text_model("<ir_version: 8, opset_import: [\"\" : 17]> g " + body);
}

// y = x·W with W [2,3]: columns (1, 2), (3, -4), (-5, 6).
Model fp32_model() {
  return text(R"((float[1,2] x) => (float[1,3] y) <float[2,3] w = {1, 3, -5, 2, -4, 6}> {
      [product] y = MatMul (x, w)
    })");
}

// The same with codes of scale 1, 0.5 and 2; `codes` row by row.
Model coded_model(const std::string& codes, const std::string& scale = "1, 0.5, 2") {
  return text("(float[1,2] x) => (float[1,3] y) <int8[2,3] c = {" + codes + "}, float[3] s = {" +
              scale + R"(}, int8[3] z = {0, 0, 0}> {
      d = DequantizeLinear <axis = 1> (c, s, z)
      [product] y = MatMul (x, d)
    })");
}

TEST(CompareWeights, CodesOfTheWeightAreSound) {
  const WeightComparison result =
      compare_weights(fp32_model().graph, coded_model("1, 6, -2, 2, -8, 3").graph);
  EXPECT_EQ(result.compared, 1U);
  EXPECT_TRUE(result.damaged.empty());
}

TEST(CompareWeights, NamesTheChannel) {
  const WeightComparison result =
      compare_weights(fp32_model().graph, coded_model("1, 127, -2, 2, 127, 3").graph);
  ASSERT_EQ(result.damaged.size(), 1U);
  EXPECT_EQ(result.damaged[0].channel, 1);
  EXPECT_EQ(result.damaged[0].weight, "c");
  EXPECT_LT(result.damaged[0].sqnr_db, 0.0);
}

TEST(CompareWeights, AWrongScaleIsDamageToo) {
  const WeightComparison result =
      compare_weights(fp32_model().graph, coded_model("1, 6, -2, 2, -8, 3", "1, 0.5, 60").graph);
  ASSERT_EQ(result.damaged.size(), 1U);
  EXPECT_EQ(result.damaged[0].channel, 2);
}

TEST(CompareWeights, AZeroedChannelIsDamage) {
  const WeightComparison result =
      compare_weights(fp32_model().graph, coded_model("0, 6, -2, 0, -8, 3").graph);
  ASSERT_EQ(result.damaged.size(), 1U);
  EXPECT_EQ(result.damaged[0].channel, 0);
}

TEST(CompareWeights, AnotherWeightIsNotCompared) {
  const WeightComparison result =
      compare_weights(fp32_model().graph, coded_model("9, -6, 7, 9, -8, -3").graph);
  EXPECT_EQ(result.compared, 0U);
  EXPECT_TRUE(result.damaged.empty());
}

TEST(CompareWeights, FindsTheProductThroughTheCodesBehindIt) {
  const Model quantized = text(R"((float[1,2] x) => (float[1,3] y)
    <int8[2,3] c = {1, 6, 127, 2, -8, 127}, float[3] s = {1, 0.5, 2}, int8[3] z = {0, 0, 0},
     float t = {0.1}, uint8 u = {128}> {
      d = DequantizeLinear <axis = 1> (c, s, z)
      raw = MatMul (x, d)
      q = QuantizeLinear (raw, t, u)
      y = DequantizeLinear (q, t, u)
    })");
  const WeightComparison result = compare_weights(fp32_model().graph, quantized.graph);
  EXPECT_EQ(result.compared, 1U);
  ASSERT_EQ(result.damaged.size(), 1U);
  EXPECT_EQ(result.damaged[0].channel, 2);
}

}  // namespace
}  // namespace ptq
