// The forecast against an emulation of the saturating instruction on drawn activations.
#include "diagnose/pair_forecast.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace ptq {
namespace {

// Multiples of 16: the buckets of a log histogram are wider than one code near 255, and half a step
// below a multiple of 16 they still separate it from the next lower one.
std::vector<float> activations(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::exponential_distribution<double> exponential(0.02);
  std::vector<float> out(count);
  std::ranges::generate(out, [&] {
    return static_cast<float>(std::min(255.0, std::floor(exponential(random) / 16.0) * 16.0));
  });
  return out;
}

constexpr float kScale = 1.0F;

bool saturates(float a0, int8_t w0, float a1, int8_t w1) {
  const auto sum = static_cast<int32_t>(a0) * w0 + static_cast<int32_t>(a1) * w1;
  return sum > 32767 || sum < -32768;
}

struct Counted {
  double equal_neighbours = 0.0;
  double independent = 0.0;
};

Counted emulate(const std::vector<int8_t>& codes, const std::vector<float>& values) {
  std::mt19937 random(7);
  std::uniform_int_distribution<size_t> pick(0, values.size() - 1);
  Counted counted;
  double pairs = 0.0;
  for (size_t k = 0; k + 1 < codes.size(); k += 2) {
    for (const float value : values) {
      pairs += 1.0;
      counted.equal_neighbours += saturates(value, codes[k], value, codes[k + 1]) ? 1.0 : 0.0;
      counted.independent +=
          saturates(value, codes[k], values[pick(random)], codes[k + 1]) ? 1.0 : 0.0;
    }
  }
  return {counted.equal_neighbours / pairs, counted.independent / pairs};
}

TEST(PairForecast, IsExactForEqualNeighboursAndABoundForOthers) {
  const std::vector<float> values = activations(4000, 1);
  const TensorStats stats = stats_of(values);
  const QuantParams params = {.dtype = DType::kUint8, .scale = {kScale}, .zero_point = {0}};
  const CodeSurvival survival = code_survival(stats, params);
  std::mt19937 random(2);
  std::uniform_int_distribution<int> any(-127, 127);
  ReductionOrder order{.first = {0}};
  std::vector<int8_t> codes(64);
  for (size_t k = 0; k < codes.size(); ++k) {
    order.step.push_back(k);
  }
  for (int trial = 0; trial < 10; ++trial) {
    std::ranges::generate(codes, [&] { return static_cast<int8_t>(any(random)); });
    const PairForecast forecast = forecast_pairs(codes, order, survival);
    const Counted counted = emulate(codes, values);
    EXPECT_NEAR(forecast.share, counted.equal_neighbours, 0.15 * counted.equal_neighbours + 1e-4);
    EXPECT_GT(forecast.share, 0.0);
    EXPECT_LE(counted.independent, forecast.share * 1.15 + 1e-4);
  }
}

TEST(PairForecast, NothingSaturatesWithinTheLimit) {
  CodeSurvival always;
  always.fill(1.0);
  const std::vector<int8_t> safe = {64, 64, 127, 1, -127, 127, -100, -28};
  const ReductionOrder order{.first = {0}, .step = {0, 1, 2, 3, 4, 5, 6, 7}};
  EXPECT_EQ(forecast_pairs(safe, order, always).share, 0.0);
  EXPECT_EQ(forecast_pairs(safe, order, always).largest_pair_sum, 128);
  const std::vector<int8_t> one_bad = {64, 65, 127, 1, -127, 127, -100, -28};
  EXPECT_EQ(forecast_pairs(one_bad, order, always).share, 0.25);
}

TEST(CodeSurvival, CountsFromHalfAStepBelowEachCode) {
  const std::vector<float> values = {-2.0F, -1.0F, 0.0F, 0.0F, 1.0F, 3.0F, 3.0F, 3.0F};
  const QuantParams params = {.dtype = DType::kUint8, .scale = {1.0F}, .zero_point = {2}};
  const CodeSurvival survival = code_survival(stats_of(values), params);
  EXPECT_DOUBLE_EQ(survival[0], 1.0);
  EXPECT_NEAR(survival[1], 7.0 / 8.0, 0.01);
  EXPECT_NEAR(survival[2], 6.0 / 8.0, 0.01);
  EXPECT_NEAR(survival[3], 4.0 / 8.0, 0.01);
  EXPECT_NEAR(survival[5], 3.0 / 8.0, 0.01);
  EXPECT_EQ(survival[6], 0.0);
}

}  // namespace
}  // namespace ptq
