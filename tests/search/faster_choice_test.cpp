// The decision on made-up measurements; no test looks at a clock.

#include "search/faster_choice.h"

#include <algorithm>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Quartiles around(double median) {
  return {.lower = median - 0.01, .median = median, .upper = median + 0.01};
}

// A model of `products` whose speedup is a function of the set in float.
struct Machine {
  std::vector<ProductTime> products{};
  std::function<double(const std::set<size_t>&)> speedup{};
  std::vector<std::vector<size_t>> tried{};

  FasterChoice choose(size_t rounds = 3) {
    return choose_faster_in_float(
        [this](std::span<const size_t> in_float) {
          tried.emplace_back(in_float.begin(), in_float.end());
          const std::set<size_t> set(in_float.begin(), in_float.end());
          SpeedTrial trial{.speedup = around(speedup(set))};
          std::ranges::copy_if(
              products, std::back_inserter(trial.products),
              [&](const ProductTime& time) { return !set.contains(time.product); });
          return trial;
        },
        rounds);
  }
};

std::vector<size_t> chosen(const FasterChoice& choice) {
  std::vector<size_t> products;
  std::ranges::transform(choice.in_float, std::back_inserter(products), &ProductTime::product);
  return products;
}

TEST(ChooseFasterInFloat, LeavesTheLosingOnesInFloat) {
  Machine machine{.products = {{0, 1.0, 0.5}, {1, 0.2, 0.3}, {2, 1.0, 1.05}, {3, 0.1, 0.4}}};
  machine.speedup = [](const std::set<size_t>& in_float) {
    return 0.9 + 0.1 * static_cast<double>(in_float.size());
  };
  const FasterChoice choice = machine.choose();
  EXPECT_THAT(chosen(choice), ElementsAre(3, 1));  // 2 is within the margin
  EXPECT_DOUBLE_EQ(choice.first.speedup.median, 0.9);
  EXPECT_DOUBLE_EQ(choice.speedup.median, 1.1);
  EXPECT_DOUBLE_EQ(choice.in_float[0].integer_ms, 0.4);
  EXPECT_EQ(machine.tried.size(), 2U);  // nothing loses in the second file
}

TEST(ChooseFasterInFloat, TriesTheHeaviestHalfWhereAllTogetherDoNotHelp) {
  Machine machine{.products = {{0, 1.0, 0.5}, {1, 0.2, 0.3}, {2, 0.2, 0.8}}};
  machine.speedup = [](const std::set<size_t>& in_float) {
    return in_float == std::set<size_t>{2} ? 1.3 : in_float.empty() ? 1.2 : 1.1;
  };
  const FasterChoice choice = machine.choose();
  EXPECT_THAT(chosen(choice), ElementsAre(2));
  EXPECT_DOUBLE_EQ(choice.speedup.median, 1.3);
  // After {2} was accepted, 1 is tried beside it, and does not help.
  EXPECT_THAT(machine.tried,
              ElementsAre(IsEmpty(), ElementsAre(2, 1), ElementsAre(2), ElementsAre(2, 1)));
}

TEST(ChooseFasterInFloat, EndsWhenNothingHelps) {
  Machine machine{.products = {{0, 1.0, 0.5}, {1, 0.2, 0.3}, {2, 0.2, 0.8}}};
  machine.speedup = [](const std::set<size_t>& in_float) { return in_float.empty() ? 1.0 : 1.009; };
  const FasterChoice choice = machine.choose(100);
  EXPECT_THAT(chosen(choice), IsEmpty());  // 0.9 % is noise
  EXPECT_DOUBLE_EQ(choice.speedup.median, 1.0);
  EXPECT_EQ(machine.tried.size(), 3U);
}

TEST(ChooseFasterInFloat, MeasuresNoMoreFilesThanAllowed) {
  Machine machine;
  for (size_t i = 0; i < 64; ++i) {
    machine.products.push_back({i, 0.1, 0.3});
  }
  machine.speedup = [](const std::set<size_t>& /*in_float*/) { return 1.0; };
  EXPECT_THAT(chosen(machine.choose(3)), IsEmpty());
  EXPECT_EQ(machine.tried.size(), 4U);
}

TEST(ChooseFasterInFloat, LeavesOneProductInIntegers) {
  Machine machine{.products = {{0, 1.0, 2.0}, {1, 0.1, 0.2}}};
  machine.speedup = [](const std::set<size_t>& in_float) {
    return 0.5 + 0.1 * static_cast<double>(in_float.size());
  };
  EXPECT_THAT(chosen(machine.choose()), ElementsAre(0));
}

TEST(ChooseFasterInFloat, DoesNotJudgeWhatLeftNoTrace) {
  Machine machine{.products = {{0, 0.0, 2.0}, {1, 0.1, 0.0}, {2, 1.0, 0.5}}};
  machine.speedup = [](const std::set<size_t>& /*in_float*/) { return 2.0; };
  EXPECT_THAT(chosen(machine.choose()), IsEmpty());
  EXPECT_EQ(machine.tried.size(), 1U);
}

}  // namespace
}  // namespace ptq
