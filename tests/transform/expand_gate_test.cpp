#include "transform/expand_gate.h"

#include <cmath>

#include <gtest/gtest.h>

#include "ptq/quant_params.h"
#include "transform/model_check.h"

namespace ptq::testing {
namespace {

// All 256 codes of x with `scale` and `zero_point`, through `body` to the codes q.
Model model_of_codes(const std::string& scale, const std::string& zero_point,
                     const std::string& body) {
  return model_of(
      14, "(uint8[256] c) => (uint8[256] q)",
      {"float s = {" + scale + "}", "uint8 z = {" + zero_point + "}", "float u = {0.0039215684}",
       "float w = {0.025}", "uint8 t = {15}", "uint8 n = {0}"},
      "x = DequantizeLinear(c, s, z) " + body);
}

std::vector<uint8_t> codes_of(const Model& model) {
  Tensor all(DType::kUint8, {256});
  for (size_t i = 0; i < 256; ++i) {
    all.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(i);
  }
  const std::vector<Tensor> outputs = run_plain(model, {{"c", all}});
  const std::span<const uint8_t> codes = outputs.at(0).data<uint8_t>();
  return {codes.begin(), codes.end()};
}

void expect_equal_codes(const Model& model, const std::string& result, int tolerance) {
  Model expanded = model;
  NameScope names(expanded.graph);
  ASSERT_EQ(expand_gates(expanded.graph, {result}, names), 1U);
  const std::vector<uint8_t> expected = codes_of(model);
  const std::vector<uint8_t> got = codes_of(expanded);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(got[i], expected[i], tolerance) << "code " << i;
  }
}

TEST(ExpandGate, HardSigmoidGivesTheSameCodes) {
  // Bounds 2.5 and 3 (0.75 / 0.25) of 100 and 120 steps. A code in the middle between two may be
  // rounded to either.
  expect_equal_codes(
      model_of_codes("0.025", "110", "g = HardSigmoid(x) q = QuantizeLinear(g, u, n)"), "g", 1);
  expect_equal_codes(
      model_of_codes("0.025", "120",
                     "g = HardSigmoid<alpha = 0.25, beta = 0.75>(x) q = QuantizeLinear(g, u, n)"),
      "g", 1);
}

TEST(ExpandGate, HardSwishGivesTheSameCodes) {
  // The gate is rounded to 1/255: at x = 3 that is half a code.
  expect_equal_codes(model_of_codes("0.025", "120", "h = HardSwish(x) q = QuantizeLinear(h, w, t)"),
                     "h", 1);
}

TEST(ExpandGate, WhatTheParametersDoNotAllowStays) {
  const auto expect_kept = [](const Model& model, const std::string& result) {
    Model copy = model;
    NameScope names(copy.graph);
    EXPECT_EQ(expand_gates(copy.graph, {result}, names), 0U);
    EXPECT_EQ(op_types(copy.graph), op_types(model.graph));
  };
  // 120.5 steps; codes that end above −3; codes of the gate that reach beyond 1; no codes at all.
  expect_kept(model_of_codes("0.024896266", "130", "h = HardSwish(x) q = QuantizeLinear(h, w, t)"),
              "h");
  expect_kept(model_of_codes("0.025", "119", "h = HardSwish(x) q = QuantizeLinear(h, w, t)"), "h");
  expect_kept(model_of_codes("0.025", "120", "g = HardSigmoid(x) q = QuantizeLinear(g, w, n)"),
              "g");
  expect_kept(
      model_of_codes("0.025", "120", "a = Neg(x) g = HardSigmoid(a) q = QuantizeLinear(g, u, n)"),
      "g");
  // A node that is not asked for.
  expect_kept(model_of_codes("0.025", "110", "g = HardSigmoid(x) q = QuantizeLinear(g, u, n)"),
              "x");
}

}  // namespace
}  // namespace ptq::testing
