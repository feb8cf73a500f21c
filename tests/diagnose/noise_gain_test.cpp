// Gains against noise that is really injected and carried through small networks.
#include "diagnose/noise_gain.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "onnx_io/infer_shapes.h"
#include "onnx_io/text_model.h"

namespace ptq {
namespace {

std::vector<float> normal(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> next;
  std::vector<float> values(count);
  for (float& value : values) {
    value = next(random);
  }
  return values;
}

std::string constant_text(const std::string& head, const std::vector<float>& values) {
  std::string text = head + " = {";
  for (size_t i = 0; i < values.size(); ++i) {
    text += (i > 0 ? "," : "") + std::to_string(values[i]);
  }
  return text + "}";
}

Model model_of(const std::string& body) {
  Model model = parse_text_model("<ir_version: 8, opset_import: [\"\" : 17]>\n" + body);
  infer_shapes(model);
  return model;
}

double mean_square(const std::vector<float>& values) {
  double sum = 0.0;
  for (const float value : values) {
    sum += static_cast<double>(value) * static_cast<double>(value);
  }
  return sum / static_cast<double>(values.size());
}

TEST(NoiseGain, AProductMultipliesBySquaresOfItsRows) {
  const std::vector<float> w = normal(6 * 4, 1);
  const Model model = model_of("g (float[2,6] x) => (float[2,4] y) <" +
                               constant_text("float[6,4] w", w) + "> { y = MatMul(x, w) }");
  const GraphIndex index(model.graph);
  const std::vector<float> y = normal(1000, 2);
  const NoiseGain gain(index, {{"y", stats_of(y)}}, {"y"});
  // N_y = mean over outputs of Σ w², by the power of y. Text keeps six decimals of the weights.
  EXPECT_NEAR(gain.relative("x"), 6.0 * mean_square(w) / moments_of(stats_of(y)).power, 1e-4);
  EXPECT_NEAR(gain.power("y"), mean_square(y), 0.01 * mean_square(y));
}

TEST(NoiseGain, ChannelsAreFollowedThroughTwoProducts) {
  // Only channel 0 of the inner value reaches y, and only x[0] reaches that channel.
  const Model model = model_of(
      "g (float[1,2] x) => (float[1,1] y)\n"
      "<float[2,2] a = {3, 0, 0, 5}, float[2,1] b = {2, 0}>\n"
      "{ t = MatMul(x, a)\n y = MatMul(t, b) }");
  const GraphIndex index(model.graph);
  // The variance grows as white noise does, so noise that came through a product does so too.
  const NoiseGain gain(index,
                       {{"t", stats_of(std::vector<float>{1.0F, -1.0F})},
                        {"y", stats_of(std::vector<float>{2.0F, -2.0F})}},
                       {"y"});
  EXPECT_NEAR(gain.relative("t"), 4.0 / 4.0, 0.1);  // moments are those of buckets, 3 % wide
  EXPECT_NEAR(gain.relative("x"), 36.0 / 4.0, 0.9);
}

TEST(NoiseGain, WhatCameThroughAProductGoesOnAsTheSignal) {
  const auto gain_for = [](float y) {
    const Model model = model_of(
        "g (float[1,1] x) => (float[1,1] y)\n"
        "<float[1,1] a = {1}, float[1,1] b = {1}>\n"
        "{ t = MatMul(x, a)\n y = MatMul(t, b) }");
    const GraphIndex index(model.graph);
    const NoiseGain gain(index,
                         {{"t", stats_of(std::vector<float>{1.0F, -1.0F})},
                          {"y", stats_of(std::vector<float>{y, -y})}},
                         {"y"});
    return gain.relative("x") / gain.relative("t");
  };
  EXPECT_NEAR(gain_for(1.0F), 1.0, 0.1);
  EXPECT_GT(gain_for(8.0F), 3.0);  // the signal gains 64 where white noise keeps its power
  EXPECT_LT(gain_for(0.125F), 0.3);
}

TEST(NoiseGain, SumsReluAndMeans) {
  const Model model = model_of(
      "g (float[1,3,4,4] x) => (float[1,3,1,1] y)\n"
      "{ r = Relu(x)\n s = Add(r, x)\n y = GlobalAveragePool(s) }");
  const GraphIndex index(model.graph);
  std::vector<float> relu(100, 0.0F);
  std::fill(relu.begin(), relu.begin() + 25, 1.0F);  // a quarter passes
  const NoiseGain gain(index, {{"r", stats_of(relu)}, {"y", stats_of(std::vector<float>{2.0F})}},
                       {"y"});
  EXPECT_NEAR(gain.relative("s"), 1.0 / 16.0 / 4.0, 1e-4);
  EXPECT_NEAR(gain.relative("x"), 1.25 / 16.0 / 4.0, 1e-4);
  EXPECT_NEAR(gain.through("x", 1), 1.0 / 16.0 / 4.0, 1e-4);  // past the Relu
  EXPECT_NEAR(gain.through("x", 0), 0.25 / 16.0 / 4.0, 1e-4);
  EXPECT_EQ(gain.relative("nothing"), 0.0);
}

TEST(NoiseGain, EqualsInjectedNoiseInAConvolutionalNetwork) {
  // Conv 3 → 8, Relu, depthwise Conv: by brute force on one image without borders.
  const std::vector<float> a = normal(8 * 3, 3);
  const std::vector<float> b = normal(8 * 9, 4);
  const Model model =
      model_of("g (float[1,3,34,34] x) => (float[1,8,32,32] y) <" +
               constant_text("float[8,3,1,1] a", a) + ", " + constant_text("float[8,1,3,3] b", b) +
               "> { t = Conv(x, a)\n r = Relu(t)\n y = Conv<group: int = 8>(r, b) }");
  constexpr size_t kSide = 34;
  const auto run = [&](const std::vector<float>& x, std::vector<float>* relu) {
    std::vector<float> r(8 * kSide * kSide);
    std::vector<float> y;
    for (size_t c = 0; c < 8; ++c) {
      for (size_t p = 0; p < kSide * kSide; ++p) {
        float sum = 0.0F;
        for (size_t i = 0; i < 3; ++i) {
          sum += a[c * 3 + i] * x[i * kSide * kSide + p];
        }
        r[c * kSide * kSide + p] = std::max(0.0F, sum);
      }
      for (size_t row = 0; row + 2 < kSide; ++row) {
        for (size_t column = 0; column + 2 < kSide; ++column) {
          float sum = 0.0F;
          for (size_t k = 0; k < 9; ++k) {
            sum += b[c * 9 + k] * r[c * kSide * kSide + (row + k / 3) * kSide + column + k % 3];
          }
          y.push_back(sum);
        }
      }
    }
    if (relu != nullptr) {
      *relu = r;
    }
    return y;
  };
  const std::vector<float> x = normal(3 * kSide * kSide, 5);
  std::vector<float> noisy = x;
  const std::vector<float> noise = normal(x.size(), 6);
  for (size_t i = 0; i < x.size(); ++i) {
    noisy[i] += 0.01F * noise[i];
  }
  std::vector<float> relu;
  const std::vector<float> y = run(x, &relu);
  std::vector<float> difference = run(noisy, nullptr);
  for (size_t i = 0; i < y.size(); ++i) {
    difference[i] -= y[i];
  }
  const GraphIndex index(model.graph);
  const NoiseGain gain(index, {{"r", stats_of(relu)}, {"y", stats_of(y)}}, {"y"});
  const double injected = mean_square(difference) / mean_square(y) / 1e-4;
  // Not exact: the share that a Relu passes is taken equal in all channels.
  EXPECT_NEAR(10.0 * std::log10(gain.relative("x") / injected), 0.0, 0.5);
}

TEST(NoiseGain, UnknownOperatorsKeepTheRatioAndCyclesOfNamesDoNoHarm) {
  const Model model = model_of("g (float[4] x) => (float[4] y) { y = Exp(x) }");
  const GraphIndex index(model.graph);
  const NoiseGain gain(index,
                       {{"x", stats_of(std::vector<float>{1.0F, 1.0F})},
                        {"y", stats_of(std::vector<float>{3.0F, 3.0F})}},
                       {"y", "y", "missing", ""});
  EXPECT_NEAR(gain.relative("x"), 1.0, 1e-6);
}

TEST(SignalMoments, EstimatesWhatIsNotMeasured) {
  const Model model = model_of(
      "g (float[1,2] x) => (float[1,2] y)\n"
      "<float[2,2] a = {1, 2, 3, 4}, float[2] c = {1, 1}>\n"
      "{ t = MatMul(x, a)\n y = Add(t, c) }");
  const GraphIndex index(model.graph);
  // x is 1 throughout: t is (4, 6) and y is (5, 7).
  const auto moments = signal_moments(index, {{"x", stats_of(std::vector<float>{1.0F, 1.0F})}});
  EXPECT_NEAR(moments.at("t").power, (16.0 + 36.0) / 2.0, 1e-5);
  EXPECT_NEAR(moments.at("y").power, (25.0 + 49.0) / 2.0, 1e-5);
  EXPECT_NEAR(moments.at("y").mean, 6.0, 1e-5);
}

TEST(NoiseGain, AMeasuredGainTakesThePlaceOfTheEstimate) {
  // x → ·a → t → ·b → y: the gain of t is given, that of x follows from it through a.
  const Model model = model_of(
      "g (float[1,2] x) => (float[1,1] y)\n"
      "<float[2,2] a = {3, 0, 0, 5}, float[2,1] b = {2, 1}>\n"
      "{ t = MatMul(x, a)\n y = MatMul(t, b) }");
  const GraphIndex index(model.graph);
  const std::map<std::string, TensorStats> stats = {
      {"t", stats_of(std::vector<float>{1.0F, -1.0F})},
      {"y", stats_of(std::vector<float>{2.0F, -2.0F})}};
  const NoiseGain estimated(index, stats, {"y"});
  const double wanted = 10.0 * estimated.relative("t");
  const NoiseGain measured(index, stats, {"y"}, {}, {{"t", {wanted}}, {"x", {std::nullopt}}});
  EXPECT_NEAR(measured.relative("t"), wanted, 1e-9);
  EXPECT_NEAR(measured.through("t", 1), wanted, 1e-9);
  EXPECT_NEAR(measured.relative("x"), 10.0 * estimated.relative("x"), 1e-9);
}

TEST(NoiseGain, MeasuringSilenceSilencesWhatIsBefore) {
  const Model model = model_of("g (float[1,2] x) => (float[1,2] y) { t = Neg(x)\n y = Neg(t) }");
  const GraphIndex index(model.graph);
  const std::map<std::string, TensorStats> stats = {
      {"y", stats_of(std::vector<float>{2.0F, -2.0F})}};
  const NoiseGain gain(index, stats, {"y"}, {}, {{"t", {0.0}}});
  EXPECT_EQ(gain.relative("t"), 0.0);
  EXPECT_EQ(gain.relative("x"), 0.0);
}

}  // namespace
}  // namespace ptq
