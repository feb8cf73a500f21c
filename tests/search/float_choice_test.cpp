#include "search/float_choice.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

namespace ptq {
namespace {

double decibel(double power) {
  return -10.0 * std::log10(power);
}

MeasureNodes adding(const std::map<size_t, double>& power) {
  return [power](std::span<const size_t> nodes) {
    double sum = 0.0;
    for (const size_t node : nodes) {
      sum += power.at(node);
    }
    return decibel(sum);
  };
}

constexpr std::array<size_t, 4> kProducts = {3, 5, 8, 9};

TEST(ChooseFloatProducts, LeavesOutTheOneThatSpoilsTheOutput) {
  const FloatChoice choice =
      choose_float_products(kProducts, 20.0, adding({{3, 1e-4}, {5, 0.3}, {8, 1e-4}, {9, 1e-4}}));
  ASSERT_EQ(choice.nodes.size(), 1U);
  EXPECT_EQ(choice.nodes[0].node, 5U);
  EXPECT_NEAR(choice.before_db, decibel(0.3003), 1e-9);
  EXPECT_NEAR(choice.after_db, decibel(3e-4), 1e-9);
}

TEST(ChooseFloatProducts, BlamesNobodyWhenAllShareTheError) {
  const FloatChoice choice = choose_float_products(
      kProducts, 20.0, adding({{3, 0.008}, {5, 0.008}, {8, 0.008}, {9, 0.008}}));
  EXPECT_TRUE(choice.nodes.empty());
  EXPECT_NEAR(choice.before_db, decibel(0.032), 1e-9);
  EXPECT_EQ(choice.after_db, choice.before_db);
}

TEST(ChooseFloatProducts, KeepsIntegersWhereFloatDoesNotHelp) {
  // Node 5 is noisy alone, but without it the others err as much: their errors cancelled.
  const MeasureNodes measure = [](std::span<const size_t> nodes) {
    const bool alone = nodes.size() == 1 && nodes[0] == 5;
    const bool split = nodes.size() == 2 && nodes[0] == 3;
    return alone || split || nodes.size() >= 3 ? 15.0 : 40.0;
  };
  const FloatChoice choice = choose_float_products(kProducts, 20.0, measure);
  EXPECT_TRUE(choice.nodes.empty());
  EXPECT_EQ(choice.after_db, 15.0);
}

}  // namespace
}  // namespace ptq
