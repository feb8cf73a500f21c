#include "plan/make_plan.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/infer_shapes.h"
#include "onnx_io/text_model.h"
#include "ptq/error.h"

namespace ptq {
namespace {

struct Planned {
  Model model;
  QuantPlan plan;

  const PlannedActivation& activation(std::string_view value) const {
    const auto found = std::ranges::find(plan.activations, value, &PlannedActivation::value);
    EXPECT_NE(found, plan.activations.end()) << value;
    return *found;
  }
};

Planned plan_of(const std::string& body, const std::map<std::string, Range>& ranges,
                const WeightCoding& coding = WeightForm::kUint8) {
  Planned planned{.model = parse_text_model("<ir_version: 8, opset_import: [\"\" : 13]>\n" + body),
                  .plan = {}};
  infer_shapes(planned.model);
  std::map<std::string, ChosenRange> chosen;
  for (const auto& [name, range] : ranges) {
    chosen[name] = {range, "absmax", "given"};
  }
  planned.plan =
      make_plan(planned.model.graph, analyze_structure(planned.model.graph, {}, targets().front()),
                chosen, targets().front(), coding);
  return planned;
}

constexpr Range range(float lo, float hi) {
  return {.lo = lo, .hi = hi};
}

TEST(MakePlan, ReluGetsTheLowestCodeAsZero) {
  const Planned planned = plan_of(
      "g (float[1,2,4,4] x) => (float[1,2,4,4] y)\n<float[2,2,1,1] w = {1,2,3,4}>\n"
      "{ a = Conv(x, w)\n b = Relu(a)\n y = Conv(b, w) }",
      {{"x", range(-1, 1)}, {"b", range(0, 4)}, {"y", range(-3, 5)}});
  EXPECT_EQ(planned.activation("b").params.zero_point[0], 0);
  EXPECT_FLOAT_EQ(planned.activation("b").params.scale[0], 4.0F / 255.0F);
}

TEST(MakePlan, MissingRangesAreNamedNotInvented) {
  try {
    plan_of(
        "g (float[1,2,4,4] x) => (float[1,2,4,4] y)\n<float[2,2,1,1] w = {1,2,3,4}>\n"
        "{ y = Conv(x, w) }",
        {{"x", range(-1, 1)}});
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInput);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("(y)"));
  }
}

constexpr const char* kConcat =
    "g (float[1,2,4,4] x) => (float[1,2,4,4] y)\n"
    "<float[2,2,1,1] w = {1,2,3,4}, float[2,4,1,1] v = {1,2,3,4,5,6,7,8}>\n"
    "{ a = Conv(x, w)\n b = Relu(a)\n c = Conv(x, w)\n d = Concat<axis=1>(b, c)\n y = Conv(d, v) }";

TEST(MakePlan, ConcatInputsAreCodedOnce) {
  const Planned planned = plan_of(kConcat, {{"x", range(-1, 1)},
                                            {"b", range(0, 2)},
                                            {"c", range(0, 4)},
                                            {"d", range(0, 4)},
                                            {"y", range(-9, 9)}});
  EXPECT_EQ(planned.activation("b").params, planned.activation("d").params);
  EXPECT_EQ(planned.activation("c").params, planned.activation("d").params);
  EXPECT_EQ(planned.activation("b").shared_with, "d");
}

TEST(MakePlan, ConcatDoesNotBreakAnAbsorbedRelu) {
  // With the Concat's zero point above 0 the Relu would no longer be the saturation of its codes.
  const Planned planned = plan_of(kConcat, {{"x", range(-1, 1)},
                                            {"b", range(0, 2)},
                                            {"c", range(-4, 4)},
                                            {"d", range(-4, 4)},
                                            {"y", range(-9, 9)}});
  EXPECT_EQ(planned.activation("b").params.zero_point[0], 0);
  EXPECT_NE(planned.activation("b").params, planned.activation("d").params);
  EXPECT_EQ(planned.activation("c").params, planned.activation("d").params);
}

TEST(MakePlan, EveryNodeHasADecisionWithAReason) {
  const Planned planned = plan_of(
      "g (float[1,2,4,4] x) => (float[1,2,4,4] y)\n<float[2,2,1,1] w = {1,2,3,4}>\n"
      "{ a = Conv(x, w)\n y = Tanh(a) }",
      {{"x", range(-1, 1)}, {"a", range(-3, 5)}});
  ASSERT_EQ(planned.plan.decisions.size(), 2U);
  for (const Decision& decision : planned.plan.decisions) {
    EXPECT_FALSE(decision.reason.empty()) << decision.label;
  }
  EXPECT_TRUE(planned.plan.decisions[0].integer);
  EXPECT_FALSE(planned.plan.decisions[1].integer);
}

constexpr const char* kConcatWithReaders =
    "g (float[1,2,4,4] x) => (float[1,2,4,4] y, float[1,2,4,4] z)\n"
    "<float[2,2,1,1] w = {1,2,3,4}, float[2,4,1,1] v = {1,2,3,4,5,6,7,8}>\n"
    "{ a = Conv(x, w)\n b = Conv(x, w)\n c = Concat<axis=1>(a, b)\n y = Conv(c, v)\n"
    "  z = Conv(a, w) }";

TEST(MakePlan, ConcatInputWithOtherReadersIsSharedOnlyUnderATenthOfADecibel) {
  const auto plan_with = [](float concat_range) {
    return plan_of(kConcatWithReaders, {{"x", range(-1, 1)},
                                        {"a", range(-1, 1)},
                                        {"b", range(-concat_range, concat_range)},
                                        {"c", range(-concat_range, concat_range)},
                                        {"y", range(-9, 9)},
                                        {"z", range(-9, 9)}});
  };
  // 20 · log10(1.01) = 0.086 dB, of 1.02 0.17 dB.
  EXPECT_EQ(plan_with(1.01F).activation("a").shared_with, "c");
  EXPECT_EQ(plan_with(1.02F).activation("a").shared_with, "");
  // A smaller range would cut off what the other reader needs.
  EXPECT_EQ(plan_with(0.9F).activation("a").shared_with, "");
  EXPECT_EQ(plan_with(0.9F).activation("b").shared_with, "c");
}

TEST(MakePlan, OneScaleATensorKeepsTheIntegerBias) {
  constexpr const char* kBody =
      "g (float[1,2,4,4] x) => (float[1,2,4,4] y)\n"
      "<float[2,2,1,1] w = {1,2,3,4}, float[2] b = {1,2}>\n{ y = Conv(x, w, b) }";
  const std::map<std::string, Range> ranges = {{"x", range(-1, 1)}, {"y", range(-9, 9)}};
  const auto weight_of = [&](WeightGranularity granularity) {
    const Planned planned = plan_of(kBody, ranges, {WeightForm::kInt8, granularity});
    EXPECT_EQ(planned.plan.granularity, granularity);
    EXPECT_EQ(planned.plan.constants.size(), 1U);
    return planned.plan.constants.at(0);
  };
  EXPECT_EQ(weight_of(WeightGranularity::kChannel).axis, 0);
  EXPECT_EQ(weight_of(WeightGranularity::kTensor).axis, -1);
  EXPECT_EQ(weight_of(WeightGranularity::kTensor).bias, "b");
  EXPECT_EQ(parse_weight_granularity("tensor"), WeightGranularity::kTensor);
  EXPECT_THROW(parse_weight_granularity("block"), Error);
}

TEST(Target, NamesAreCheckedAndSchemesAreSafe) {
  EXPECT_THROW(find_target("ort-x68"), Error);
  EXPECT_THROW(parse_weight_form("int9"), Error);
  const CodeRange reduced = code_range(weight_scheme(WeightForm::kInt8Reduced));
  // Two products of uint8 and 7-bit codes stay within int16.
  EXPECT_LE(2 * 255 * reduced.hi, 32767);
  EXPECT_GE(2 * 255 * reduced.lo, -32768);
}

// Whole steps of `value` in `length`.
void expect_whole_steps(const Planned& planned, std::string_view value, float length) {
  const QuantParams& params = planned.activation(value).params;
  const float steps = length / params.scale[0];
  EXPECT_NEAR(steps, std::nearbyint(steps), 1e-4) << value;
  EXPECT_GE(params.zero_point[0], static_cast<int32_t>(std::nearbyint(steps))) << value;
}

TEST(MakePlan, InputsOfAGateHaveItsBoundOnACodeAlsoBehindAPool) {
  const Planned planned = plan_of(
      "g (float[1,2,4,4] x) => (float[1,2,2,2] y)\n<float[2,2,1,1] w = {1,2,3,4}>\n"
      "{ a = Conv(x, w)\n b = MaxPool<kernel_shape=[2,2], strides=[2,2]>(a)\n"
      "  c = HardSigmoid<alpha=0.3, beta=0.6>(b)\n d = Mul(b, c)\n y = Conv(d, w) }",
      {{"x", range(-1, 1)},
       {"a", range(-0.3F, 4.7F)},
       {"c", range(0, 0.9F)},
       {"d", range(0, 4)},
       {"y", range(-3, 5)}});
  expect_whole_steps(planned, "a", 2.0F);
  EXPECT_EQ(planned.activation("b").params, planned.activation("a").params);
  // The codes of the gate end at 1.
  EXPECT_EQ(planned.activation("c").params.zero_point[0], 0);
  EXPECT_FLOAT_EQ(planned.activation("c").params.scale[0], 1.0F / 255.0F);
}

TEST(MakePlan, NeitherAGateNorItsInputTakesTheParametersOfAConcat) {
  // Both ranges are those of the Concat, so that sharing would cost nothing.
  const Planned planned = plan_of(
      "g (float[1,2,4,4] x) => (float[1,2,4,4] y)\n"
      "<float[2,2,1,1] w = {1,2,3,4}, float[2,4,1,1] v = {1,2,3,4,5,6,7,8}>\n"
      "{ a = Conv(x, w)\n b = HardSigmoid(a)\n d = Concat<axis=1>(a, b)\n y = Conv(d, v) }",
      {{"x", range(-1, 1)},
       {"a", range(-2.5F, 4.7F)},
       {"b", range(0, 1)},
       {"d", range(-2.5F, 4.7F)},
       {"y", range(-3, 5)}});
  expect_whole_steps(planned, "a", 2.5F);
  EXPECT_TRUE(planned.activation("a").shared_with.empty());
  EXPECT_TRUE(planned.activation("b").shared_with.empty());
  EXPECT_FLOAT_EQ(planned.activation("b").params.scale[0], 1.0F / 255.0F);
}

}  // namespace
}  // namespace ptq
