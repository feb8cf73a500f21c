// Gains of small networks whose answer is known, in the runtime.
#include "search/noise_probe.h"

#include <cmath>

#include <gtest/gtest.h>

#include "onnx_io/text_model.h"
#include "ptq/error.h"

namespace ptq {
namespace {

Model model_of(const std::string& body) {
  return parse_text_model("<ir_version: 8, opset_import: [\"\" : 17]>\n" + body);
}

Tensor ramp(const Shape& shape, float step) {
  Tensor tensor(DType::kFloat, shape);
  float next = -1.0F;
  for (float& value : tensor.mutable_data<float>()) {
    value = next;
    next += step;
  }
  return tensor;
}

std::vector<Sample> ramps(const Shape& shape) {
  std::vector<Sample> samples(3);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].inputs["x"] = ramp(shape, 0.017F + 0.01F * static_cast<float>(i));
  }
  return samples;
}

double mean_square(const std::vector<Sample>& samples, double factor) {
  double sum = 0.0;
  double count = 0.0;
  for (const Sample& sample : samples) {
    for (const float value : sample.inputs.at("x").data<float>()) {
      sum += factor * factor * static_cast<double>(value) * static_cast<double>(value);
      count += 1.0;
    }
  }
  return sum / count;
}

// Eight bits over [-4, 4].
ProbeCodes codes() {
  const QuantScheme scheme{.dtype = DType::kUint8};
  return {params_for_range(-4.0F, 4.0F, scheme), code_range(scheme)};
}

TEST(NoiseProbe, NoiseOnAFactorKeepsItsRatio) {
  // y = 3 x, so noise of power 1 on any of the values becomes 9 by 9 · mean x².
  const Model model = model_of(
      "g (float[2,20] x) => (float[2,20] y) <float three = {3}>\n"
      "{ t = Identity(x)\n u = Neg(t)\n v = Neg(u)\n y = Mul(v, three) }");
  const std::vector<Sample> samples = ramps({2, 20});
  const ProbedGains gains =
      probe_gains(model, {{"x", codes()}, {"u", codes()}, {"v", codes()}}, samples, 2);
  ASSERT_EQ(gains.size(), 3U);
  for (const auto& [name, by_output] : gains) {
    ASSERT_EQ(by_output.size(), 1U) << name;
    ASSERT_TRUE(by_output[0]) << name;
    EXPECT_NEAR(*by_output[0] * mean_square(samples, 1.0), 1.0, 1e-4) << name;
  }
}

TEST(NoiseProbe, EachOutputHasAGainOfItsOwn) {
  // y does not see u at all, z sees it twice; c holds integers.
  const Model model = model_of(
      "g (float[2,20] x) => (float[2,20] y, float[2,20] z, int64[2,20] c)\n"
      "{ u = Neg(x)\n y = Abs(x)\n z = Add(u, u)\n c = Cast <to = 7> (u) }");
  const std::vector<Sample> samples = ramps({2, 20});
  const ProbedGains gains = probe_gains(model, {{"u", codes()}}, samples, 1);
  const auto& by_output = gains.at("u");
  ASSERT_EQ(by_output.size(), 3U);
  EXPECT_EQ(by_output[0], 0.0);
  ASSERT_TRUE(by_output[1]);
  EXPECT_NEAR(*by_output[1] * mean_square(samples, 1.0), 1.0, 1e-4);
  EXPECT_FALSE(by_output[2]);
}

TEST(NoiseProbe, AViewOfAValueLeavesTheValueAlone) {
  // The runtime gives r the memory of u; rounding r must not reach y.
  const Model model = model_of(
      "g (float[2,20] x) => (float[2,20] y, float[40] z) <int64[1] flat = {-1}>\n"
      "{ u = Neg(x)\n r = Reshape(u, flat)\n z = Neg(r)\n y = Neg(u) }");
  const ProbedGains gains = probe_gains(model, {{"r", codes()}}, ramps({2, 20}), 1);
  EXPECT_EQ(gains.at("r")[0], 0.0);
  EXPECT_GT(gains.at("r")[1].value_or(0.0), 0.0);
}

TEST(NoiseProbe, NothingIsSaidWhereCodesMakeNoError) {
  const Model model = model_of("g (float[2,20] x) => (float[2,20] y) { u = Relu(x)\n y = Neg(u) }");
  std::vector<Sample> samples(1);
  samples[0].inputs["x"] = Tensor(DType::kFloat, {2, 20});  // zeros
  EXPECT_FALSE(probe_gains(model, {{"u", codes()}}, samples, 1).at("u")[0]);
}

TEST(NoiseProbe, ThreadsDoNotChangeTheResult) {
  const Model model = model_of(
      "g (float[2,20] x) => (float[2,20] y)\n"
      "{ a = Sigmoid(x)\n b = Tanh(a)\n c = Mul(a, b)\n y = Softmax(c) }");
  const std::map<std::string, ProbeCodes> values = {
      {"x", codes()}, {"a", codes()}, {"b", codes()}, {"c", codes()}};
  const std::vector<Sample> samples = ramps({2, 20});
  EXPECT_EQ(probe_gains(model, values, samples, 1), probe_gains(model, values, samples, 3));
}

TEST(NoiseProbe, OtherValuesAreLeftOutAndAStopEndsIt) {
  const Model model = model_of("g (float[2,20] x) => (float[2,20] y) { y = Neg(x) }");
  EXPECT_TRUE(probe_gains(model, {{"no such value", codes()}}, ramps({2, 20}), 1).empty());
  const std::atomic<bool> stop = true;
  try {
    probe_gains(model, {{"y", codes()}}, ramps({2, 20}), 1, &stop);
    FAIL() << "expected an interruption";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInterrupted);
  }
}

}  // namespace
}  // namespace ptq
