#include "validate/saturation.h"

#include <cmath>

#include <gtest/gtest.h>

#include "graph/index.h"
#include "onnx_io/text_model.h"
#include "validate/constant_values.h"

namespace ptq {
namespace {

Model text(const std::string& body) {
  return parse_text_model("<ir_version: 8, opset_import: [\"\" : 17]> g " + body);
}

const std::string kFp32 = R"((float[1,4] x) => (float[1,4] y) {
      a = Neg (x)
      b = Relu (a)
      y = Neg (b)
    })";

TEST(CodedActivations, KeepTheirNameBehindTheCodes) {
  const Model quantized = text(R"((float[1,4] x) => (float[1,4] y)
    <float s = {0.5}, uint8 z = {0}> {
      raw = Neg (x)
      q = QuantizeLinear (raw, s, z)
      b = DequantizeLinear (q, s, z)
      y = Neg (b)
    })");
  const auto values = coded_activations(text(kFp32).graph, quantized.graph);
  ASSERT_EQ(values.size(), 1U);
  EXPECT_EQ(values[0].name, "b");
  EXPECT_EQ(values[0].lo, 0.0);
  EXPECT_EQ(values[0].hi, 127.5);
}

TEST(CodedActivations, AnAbsorbedReluStandsForItsResult) {
  const Model quantized = text(R"((float[1,4] x) => (float[1,4] y)
    <float s = {0.5}, int8 z = {-128}> {
      a = Neg (x)
      q = QuantizeLinear (a, s, z)
      other = DequantizeLinear (q, s, z)
      y = Neg (other)
    })");
  const auto values = coded_activations(text(kFp32).graph, quantized.graph);
  ASSERT_EQ(values.size(), 1U);
  EXPECT_EQ(values[0].name, "b");
  EXPECT_EQ(values[0].hi, 127.5);
}

TEST(SaturationCounter, AddsUpWhatIsCutOff) {
  SaturationCounter counter(
      {.name = "a", .lo = -1.0, .hi = 1.0, .useful_lo = -INFINITY, .useful_hi = INFINITY});
  const std::vector<float> values = {0.5F, -0.5F, 3.0F, -1.0F};
  counter.add(Tensor::from<float>({4}, std::span<const float>(values)));
  const SaturatedValue result = counter.result();
  EXPECT_EQ(result.share, 0.25);
  EXPECT_EQ(result.max, 3.0);
  EXPECT_NEAR(result.sqnr_db, 10.0 * std::log10(10.5 / 4.0), 1e-9);
}

TEST(SaturationCounter, WhatMakesNoDifferenceIsNotCutOff) {
  SaturationCounter counter(
      {.name = "a", .lo = -3.0, .hi = 8.0, .useful_lo = -3.0, .useful_hi = INFINITY});
  const std::vector<float> values = {-50.0F, 2.0F};
  counter.add(Tensor::from<float>({2}, std::span<const float>(values)));
  EXPECT_EQ(counter.result().share, 0.0);
  EXPECT_TRUE(std::isinf(counter.result().sqnr_db));
}

TEST(ConstantValues, BlocksHaveTheirOwnScale) {
  const Model model = parse_text_model(R"(<ir_version: 10, opset_import: ["" : 21]> g
    (float[1,4] x) => (float[1,2] y)
    <int8[4,2] c = {1, 2, 3, 4, 5, 6, 7, 8}, float[2,2] s = {1, 10, 100, 1000},
     int8[2,2] z = {0, 1, 0, 0}> {
      d = DequantizeLinear <axis = 0, block_size = 2> (c, s, z)
      y = MatMul (x, d)
    })");
  const GraphIndex index(model.graph);
  const auto values = constant_values(index, "d");
  ASSERT_TRUE(values.has_value());
  EXPECT_EQ(values->values, (std::vector<float>{1, 10, 3, 30, 500, 6000, 700, 8000}));
}

}  // namespace
}  // namespace ptq
