#include "validate/decisions.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace ptq {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor tensor(Shape shape, const std::vector<float>& values) {
  return Tensor::from<float>(std::move(shape), std::span<const float>(values));
}

TEST(ArgMax, TakesTheFirstOfEqualsAndNeverNan) {
  EXPECT_EQ(arg_max(std::vector<float>{1, 3, 3, 2}), 1U);
  EXPECT_EQ(arg_max(std::vector<float>{kNan, -5, -2, kNan}), 2U);
  EXPECT_EQ(arg_max(std::vector<float>{kNan, kNan}), 0U);
}

TEST(AmongLargest, CountsThoseBefore) {
  const std::vector<float> row = {5, 1, 4, 4, 3, 2};
  EXPECT_TRUE(among_largest(row, 0, 1));
  EXPECT_TRUE(among_largest(row, 2, 2));
  EXPECT_FALSE(among_largest(row, 3, 2));  // equal, but behind
  EXPECT_TRUE(among_largest(row, 5, 5));
  EXPECT_FALSE(among_largest(row, 1, 5));
  EXPECT_FALSE(among_largest(row, 6, 9));
  EXPECT_FALSE(among_largest(std::vector<float>{kNan, 1}, 0, 2));
}

TEST(Decisions, KlOfLogitsIsThatOfTheirSoftmax) {
  const std::vector<float> x = {1.0F, 0.0F, -1.0F};
  const std::vector<float> y = {0.5F, 0.5F, -2.0F};
  double expected = 0.0;
  double sum_x = 0.0;
  double sum_y = 0.0;
  for (size_t i = 0; i < 3; ++i) {
    sum_x += std::exp(static_cast<double>(x[i]));
    sum_y += std::exp(static_cast<double>(y[i]));
  }
  for (size_t i = 0; i < 3; ++i) {
    const double p = std::exp(static_cast<double>(x[i])) / sum_x;
    const double q = std::exp(static_cast<double>(y[i])) / sum_y;
    expected += p * std::log(p / q);
  }
  const DecisionSums sums = compare_decisions(tensor({1, 3}, x), tensor({1, 3}, y));
  EXPECT_NEAR(sums.kl, expected, 1e-7);  // exponentials in float
  EXPECT_FALSE(sums.probabilities);
  EXPECT_EQ(sums.top1_equal, 1U);
  EXPECT_EQ(sums.fp32_class, 0);
}

TEST(Decisions, ProbabilitiesAreTakenAsTheyAre) {
  const DecisionSums sums = compare_decisions(tensor({2, 2}, {0.5F, 0.5F, 1.0F, 0.0F}),
                                              tensor({2, 2}, {0.25F, 0.75F, 1.0F, 0.0F}));
  EXPECT_TRUE(sums.probabilities);
  EXPECT_NEAR(sums.kl, 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3.0), 1e-7);
  EXPECT_EQ(sums.rows, 2U);
  EXPECT_EQ(sums.top1_equal, 1U);
  EXPECT_EQ(sums.top5_equal, 2U);
  EXPECT_EQ(sums.fp32_class, -1);  // there is more than one row
}

TEST(Decisions, NanIsInfinitelyFar) {
  const DecisionSums sums = compare_decisions(tensor({1, 2}, {1, 2}), tensor({1, 2}, {kNan, kNan}));
  EXPECT_TRUE(std::isinf(sums.kl));
  EXPECT_EQ(sums.top1_equal, 0U);
}

TEST(Decisions, AreRowsOfClasses) {
  EXPECT_TRUE(has_decisions(Tensor(DType::kFloat, {4, 10})));
  EXPECT_TRUE(has_decisions(Tensor(DType::kFloat, {1, 7, 10})));
  EXPECT_FALSE(has_decisions(Tensor(DType::kFloat, {1, 3, 8, 8})));
  EXPECT_FALSE(has_decisions(Tensor(DType::kFloat, {4, 1})));
  EXPECT_FALSE(has_decisions(Tensor(DType::kInt64, {4, 10})));
}

}  // namespace
}  // namespace ptq
