#include "search/fewest_in_float.h"

#include <cmath>
#include <numeric>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A model whose products add their noise in power.
struct AddedNoise {
  std::vector<FloatCandidate> candidates{};
  double limit = 0.0;
  size_t measured = 0;

  double left(std::span<const size_t> in_float) const {
    double sum = 0.0;
    for (const FloatCandidate& candidate : candidates) {
      const bool is_float = std::ranges::find(in_float, candidate.product) != in_float.end();
      sum += is_float ? 0.0 : candidate.noise;
    }
    return sum;
  }
  double macs(std::span<const size_t> in_float) const {
    double sum = 0.0;
    for (const size_t product : in_float) {
      sum += candidates.at(product).macs;
    }
    return sum;
  }
  FewestInFloat search() {
    return find_fewest_in_float(rank_for_float(candidates), [&](std::span<const size_t> in_float) {
      ++measured;
      return left(in_float) <= limit;
    });
  }
};

TEST(RankForFloat, PutsTheMostNoiseForEachMultiplyAccumulateFirst) {
  const std::vector<FloatCandidate> candidates = {
      {0, 1.0, 10.0}, {1, 1.0, 1.0}, {2, 5.0, 10.0}, {3, 0.0, 1.0}, {4, 1.0, 1.0}};
  EXPECT_THAT(rank_for_float(candidates), ElementsAre(1, 4, 2, 0, 3));
}

TEST(FewestInFloat, FindsTheOneThatIsToBlame) {
  AddedNoise model{.limit = 50.0};
  for (size_t i = 0; i < 100; ++i) {
    model.candidates.push_back({i, i == 37 ? 1000.0 : 0.1, 1.0 + static_cast<double>(i)});
  }
  const FewestInFloat found = model.search();
  EXPECT_TRUE(found.holds);
  EXPECT_THAT(found.in_float, ElementsAre(37));
  EXPECT_EQ(model.measured, 1U);
}

TEST(FewestInFloat, PutsBackWhatThePrefixDoesNotNeed) {
  // The ranking is 0, 1, 2, but the large product 2 alone is enough.
  AddedNoise model{.candidates = {{0, 3.0, 1.0}, {1, 3.0, 1.5}, {2, 100.0, 99.0}}, .limit = 7.0};
  const FewestInFloat found = model.search();
  EXPECT_TRUE(found.holds);
  EXPECT_THAT(found.in_float, ElementsAre(2));
}

TEST(FewestInFloat, SaysWhenNothingIsEnough) {
  const std::vector<size_t> ranking = {2, 0, 1};
  const FewestInFloat found =
      find_fewest_in_float(ranking, [](std::span<const size_t> /*in_float*/) { return false; });
  EXPECT_FALSE(found.holds);
  EXPECT_THAT(found.in_float, ElementsAre(2, 0, 1));
  EXPECT_THAT(find_fewest_in_float({}, [](std::span<const size_t>) { return true; }).in_float,
              IsEmpty());
}

// Every result was measured, also where more products in float do not always help.
TEST(FewestInFloat, NeverClaimsWhatItDidNotSee) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::vector<size_t> ranking(9);
    std::iota(ranking.begin(), ranking.end(), size_t{0});
    std::set<std::set<size_t>> held;
    const auto holds = [&](std::span<const size_t> in_float) {
      unsigned hash = seed * 2654435761U;
      for (const size_t product : in_float) {
        hash = (hash ^ static_cast<unsigned>(product + 1)) * 16777619U;
      }
      const bool result = (hash >> 16U) % 3U == 0U;
      if (result) {
        held.insert({in_float.begin(), in_float.end()});
      }
      return result;
    };
    const FewestInFloat found = find_fewest_in_float(ranking, holds);
    EXPECT_EQ(found.holds, held.contains({found.in_float.begin(), found.in_float.end()}));
  }
}

// Against all subsets: what is left cannot be made smaller by one product, and costs at most twice
// the least, as the greedy bound of a knapsack says.
TEST(FewestInFloat, IsNearTheBestSubset) {
  std::minstd_rand random(1);
  for (int round = 0; round < 200; ++round) {
    AddedNoise model;
    double sum = 0.0;
    for (size_t i = 0; i < 8; ++i) {
      const double noise = std::exp2(static_cast<double>(random() % 12));
      model.candidates.push_back({i, noise, 1.0 + static_cast<double>(random() % 50)});
      sum += noise;
    }
    model.limit = sum * 0.2;
    const FewestInFloat found = model.search();
    ASSERT_TRUE(found.holds);
    EXPECT_LE(model.left(found.in_float), model.limit);
    double least = 1e9;
    for (unsigned set = 0; set < 256; ++set) {
      std::vector<size_t> subset;
      for (size_t i = 0; i < 8; ++i) {
        if ((set >> i & 1U) != 0U) {
          subset.push_back(i);
        }
      }
      if (model.left(subset) <= model.limit) {
        least = std::min(least, model.macs(subset));
      }
    }
    EXPECT_LE(model.macs(found.in_float), 2.0 * least);
    for (const size_t product : found.in_float) {
      std::vector<size_t> fewer = found.in_float;
      std::erase(fewer, product);
      if (product != found.in_float.back()) {
        EXPECT_GT(model.left(fewer), model.limit);
      }
    }
  }
}

TEST(FewestInFloat, MeasuresLittle) {
  AddedNoise model{.limit = 1.0};
  for (size_t i = 0; i < 1000; ++i) {
    model.candidates.push_back({i, i % 250 == 0 ? 10.0 : 1e-4, 1.0});
  }
  EXPECT_EQ(model.search().in_float.size(), 4U);
  EXPECT_LE(model.measured, 10U);
}

}  // namespace
}  // namespace ptq
