// keep_row_mean against exhaustive search over all roundings, and its effect on real products.
#include "quant/mean_rounding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "quant/pair_limit.h"
#include "quant/weight_quantizer.h"

namespace ptq {
namespace {

double objective(const std::vector<float>& row, const std::vector<int32_t>& codes, double ratio) {
  double squares = 0.0;
  double sum = 0.0;
  for (size_t k = 0; k < row.size(); ++k) {
    const double delta = static_cast<double>(codes[k]) - static_cast<double>(row[k]);
    squares += delta * delta;
    sum += delta;
  }
  return squares + ratio * sum * sum;
}

// Least objective over all codes that are at most one step from `codes`.
double exhaustive(const std::vector<float>& row, std::vector<int32_t> codes, size_t from,
                  double ratio) {
  if (from == row.size()) {
    return objective(row, codes, ratio);
  }
  double least = std::numeric_limits<double>::infinity();
  const int32_t middle = codes[from];
  for (int32_t step = -1; step <= 1; ++step) {
    codes[from] = middle + step;
    least = std::min(least, exhaustive(row, codes, from + 1, ratio));
  }
  return least;
}

TEST(KeepRowMean, FindsTheBestRoundingOfAll) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-20.0F, 20.0F);
  for (const double ratio : {0.0, 0.3, 1.0, 50.0}) {
    for (int trial = 0; trial < 30; ++trial) {
      std::vector<float> row(7);
      std::ranges::generate(row, [&] { return uniform(random); });
      std::vector<int32_t> codes;
      for (const float value : row) {
        codes.push_back(static_cast<int32_t>(std::nearbyint(value)));
      }
      const double best = exhaustive(row, codes, 0, ratio);
      keep_row_mean(row, codes, {-127, 127}, false, ratio);
      ASSERT_NEAR(objective(row, codes, ratio), best, 1e-9) << ratio << " trial " << trial;
    }
  }
}

TEST(KeepRowMean, StaysInRangeAndBelowThePairLimit) {
  const std::vector<float> row = {127.4F, -3.0F, 70.6F, 60.6F, 3.49F, 9.0F};
  std::vector<int32_t> codes = {127, -3, 68, 60, 3, 9};  // 5 steps too low
  keep_row_mean(row, codes, {-127, 127}, true, 100.0);
  EXPECT_EQ(codes[0], 127);
  EXPECT_FALSE(pair_saturates(codes[2], codes[3]));
  EXPECT_EQ(codes[4], 4);  // the cheapest step
}

// Products with activations behind a Relu: what the rounding is for.
TEST(KeepRowMean, LowersTheErrorOfProductsWithPositiveInputs) {
  constexpr size_t kDepth = 64;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> values(16 * kDepth);
  std::ranges::generate(values, [&] { return normal(random); });
  const Tensor weight = Tensor::from<float>({16, kDepth}, values);
  ReductionOrder order;
  for (size_t r = 0; r < 16; ++r) {
    order.first.push_back(r * kDepth);
  }
  for (size_t k = 0; k < kDepth; ++k) {
    order.step.push_back(k);
  }
  const QuantScheme int8 = {.dtype = DType::kInt8, .symmetric = true, .narrow_range = true};
  const QuantizedWeight nearest = quantize_weight(weight, int8, 0);
  const QuantizedWeight kept =
      quantize_weight(weight, int8, 0, {.order = order, .mean_ratio = 2.0});
  double nearest_error = 0.0;
  double kept_error = 0.0;
  for (int sample = 0; sample < 200; ++sample) {
    std::vector<double> input(kDepth);
    std::ranges::generate(input, [&] { return 2.0 + std::abs(normal(random)); });
    for (size_t r = 0; r < 16; ++r) {
      double off_nearest = 0.0;
      double off_kept = 0.0;
      for (size_t k = 0; k < kDepth; ++k) {
        const double real = values[r * kDepth + k];
        off_nearest +=
            input[k] *
            (nearest.params.scale[r] * nearest.codes.data<int8_t>()[r * kDepth + k] - real);
        off_kept +=
            input[k] * (kept.params.scale[r] * kept.codes.data<int8_t>()[r * kDepth + k] - real);
      }
      nearest_error += off_nearest * off_nearest;
      kept_error += off_kept * off_kept;
    }
  }
  EXPECT_LT(kept_error, 0.3 * nearest_error);
}

}  // namespace
}  // namespace ptq
