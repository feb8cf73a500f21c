#include <algorithm>
#include <numeric>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coverage/lazy_greedy.h"
#include "coverage/pools.h"
#include "ptq/error.h"
#include "ptq/selection.h"

namespace ptq {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::random_pool;
using testing::sample_sketch;
using testing::value_sketch;

// Weighted coverage of random sets: monotone and submodular.
struct Coverage {
  std::vector<std::set<int>> sets;
  std::set<int> covered;
  double gain(size_t i) const {
    return static_cast<double>(
        std::ranges::count_if(sets[i], [this](int element) { return !covered.contains(element); }));
  }
};

TEST(LazyGreedy, ChoosesWhatPlainGreedyChooses) {
  for (uint64_t seed = 1; seed < 40; ++seed) {
    testing::Sampler sampler(seed);
    Coverage plain;
    for (int s = 0; s < 30; ++s) {
      std::set<int> set;
      for (int i = 0; i < 12; ++i) {
        set.insert(static_cast<int>(sampler.uniform() * 60.0));
      }
      plain.sets.push_back(set);
    }
    Coverage lazy = plain;
    std::vector<size_t> order(30);
    std::iota(order.begin(), order.end(), size_t{0});
    std::vector<size_t> expected;
    while (expected.size() < 10) {
      size_t best = 30;
      for (size_t i = 0; i < 30; ++i) {
        if (std::ranges::find(expected, i) == expected.end() &&
            (best == 30 || plain.gain(i) > plain.gain(best))) {
          best = i;
        }
      }
      expected.push_back(best);
      plain.covered.insert(plain.sets[best].begin(), plain.sets[best].end());
    }
    const std::vector<size_t> chosen = lazy_greedy(
        order, 10, 0.0, [&](size_t i) { return lazy.gain(i); },
        [&](size_t i) { lazy.covered.insert(lazy.sets[i].begin(), lazy.sets[i].end()); },
        [](size_t /*i*/) { return true; });
    EXPECT_EQ(chosen, expected) << seed;
  }
}

TEST(StratumQuotas, AreProportionalAndAtLeastOne) {
  EXPECT_THAT(stratum_quotas({100}, 7), ElementsAre(7));
  EXPECT_THAT(stratum_quotas({50, 50}, 7), ElementsAre(4, 3));
  EXPECT_THAT(stratum_quotas({90, 9, 1}, 10), ElementsAre(8, 1, 1));
  EXPECT_THAT(stratum_quotas({60, 30, 10}, 10), ElementsAre(6, 3, 1));
  EXPECT_THAT(stratum_quotas({1000, 1, 1, 1}, 4), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(stratum_quotas({3, 2, 1}, 6), ElementsAre(3, 2, 1));
}

TEST(SelectSamples, TakesTheExtremesOfEveryValue) {
  SampleSketches pool{.names = {"a", "b"}};
  for (uint64_t i = 0; i < 20; ++i) {
    pool.samples.push_back(
        sample_sketch(i, {value_sketch(-1.0F, 1.0F), value_sketch(-1.0F, 1.0F)}));
  }
  pool.samples[4].values[0] = value_sketch(-1.0F, 1.9F);
  pool.samples[9].values[1] = value_sketch(-1.9F, 1.0F);
  const Selection selection = select_samples(pool, {.count = 2});
  EXPECT_THAT(selection.chosen, ElementsAre(4, 9));
  EXPECT_DOUBLE_EQ(selection.reach, 1.0);
  EXPECT_DOUBLE_EQ(selection.samples_within, 1.0);
}

// Where extremes say nothing, shares of the octaves decide: both kinds as often as in the pool.
TEST(SelectSamples, KeepsTheSharesOfThePool) {
  SampleSketches pool{.names = {"a"}};
  for (uint64_t i = 0; i < 40; ++i) {
    ValueSketch sketch = value_sketch(0.0F, 1.0F);
    sketch.octaves = {};
    sketch.octaves[i % 4 == 0 ? 1 : 5] = 100;
    pool.samples.push_back(sample_sketch(i, {sketch}));
  }
  const Selection selection = select_samples(pool, {.count = 8});
  EXPECT_EQ(std::ranges::count_if(selection.chosen, [](size_t i) { return i % 4 == 0; }), 2);
  EXPECT_NEAR(selection.divergence_bits, 0.0, 0.01);
}

TEST(SelectSamples, ReachesFurtherThanRandomChoice) {
  const SampleSketches pool = random_pool(400, 10, 5);
  const auto largest = [&](const std::vector<size_t>& chosen, size_t value) {
    float out = 0.0F;
    for (const size_t i : chosen) {
      out = std::max(out, pool.samples[i].values[value].extremes.max);
    }
    return out;
  };
  const Selection selection = select_samples(pool, {.count = 24});
  std::vector<size_t> all(400);
  std::iota(all.begin(), all.end(), size_t{0});
  for (size_t v = 0; v < 10; ++v) {
    std::vector<size_t> first(all.begin(), all.begin() + 24);  // samples are independent
    EXPECT_GE(largest(selection.chosen, v), largest(first, v));
    EXPECT_GE(largest(selection.chosen, v), 0.8F * largest(all, v));
  }
}

TEST(SelectSamples, SplitsByStratumAndDependsOnTheSeedOnlyAmongEquals) {
  const SampleSketches pool = random_pool(200, 4, 6);
  const Selection a = select_samples(pool, {.count = 20, .seed = 1});
  EXPECT_EQ(a.strata.at("rare"), 5U);
  EXPECT_EQ(a.strata.at("common"), 15U);
  EXPECT_EQ(select_samples(pool, {.count = 20, .seed = 2}).chosen, a.chosen);
  SampleSketches same{.names = {"a"}};
  for (uint64_t i = 0; i < 50; ++i) {
    same.samples.push_back(sample_sketch(i, {value_sketch(-1.0F, 1.0F)}));
  }
  const std::vector<size_t> first = select_samples(same, {.count = 5, .seed = 1}).chosen;
  EXPECT_EQ(select_samples(same, {.count = 5, .seed = 1}).chosen, first);
  EXPECT_NE(select_samples(same, {.count = 5, .seed = 2}).chosen, first);
}

TEST(SelectSamples, TakesValuesThatAreZeroMissingOrHuge) {
  SampleSketches pool{.names = {"zero", "missing", "huge"}};
  for (uint64_t i = 0; i < 6; ++i) {
    pool.samples.push_back(
        sample_sketch(i, {value_sketch(0.0F, 0.0F), ValueSketch{}, value_sketch(-3e38F, 1e-45F)}));
  }
  const Selection selection = select_samples(pool, {.count = 6});
  EXPECT_THAT(selection.chosen, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_TRUE(std::isfinite(selection.divergence_bits));
}

TEST(SelectSamples, RefusesWhatThePoolCannotGive) {
  const SampleSketches pool = random_pool(8, 2, 7);
  const auto refusal = [&](size_t count) {
    try {
      select_samples(pool, {.count = count});
    } catch (const Error& error) {
      return std::pair(error.code(), std::string(error.what()));
    }
    return std::pair(ErrorCode::kInternal, std::string());
  };
  EXPECT_EQ(refusal(0).first, ErrorCode::kUsage);
  EXPECT_EQ(refusal(9).first, ErrorCode::kInput);
  EXPECT_THAT(refusal(9).second, HasSubstr("expected a pool of at least 9 samples, found 8"));
  EXPECT_THAT(refusal(1).second, HasSubstr("one sample at least of each of 2 strata"));
  EXPECT_EQ(select_samples(pool, {.count = 8}).chosen.size(), 8U);
}

TensorCoverage exceeded(const std::string& name, Extremes calibration, Extremes production) {
  return {.name = name, .calibration = calibration, .production = production};
}

TEST(CloseGaps, TakesAsFewSamplesAsThePoolNeeds) {
  SampleSketches pool{.names = {"a", "b"}};
  const auto add = [&](float a, float b) {
    pool.samples.push_back(
        sample_sketch(pool.samples.size(), {value_sketch(0.0F, a), value_sketch(-b, 0.0F)}));
  };
  add(1.0F, 1.0F);  // within calibration
  add(1.5F, 1.0F);  // half of the first gap
  add(1.6F, 1.5F);  // more of the first, half of the second
  add(1.0F, 2.5F);  // beyond the second
  const std::vector<TensorCoverage> tensors = {exceeded("a", {0.0F, 1.0F}, {0.0F, 2.0F}),
                                               exceeded("b", {-1.0F, 0.0F}, {-2.0F, 0.0F}),
                                               exceeded("c", {0.0F, 1.0F}, {0.0F, 5.0F})};
  const GapClosing out = close_gaps(pool, tensors, 0);
  EXPECT_EQ(out.gaps, 2U);  // of values that the pool has sketches of
  EXPECT_THAT(out.chosen, ElementsAre(2, 3));
  EXPECT_NEAR(out.closed, (0.6 + 1.0) / 2.0, 1e-6);
  EXPECT_DOUBLE_EQ(out.closed, out.closed_by_pool);
  EXPECT_THAT(close_gaps(pool, tensors, 1).chosen, ElementsAre(2));
}

TEST(CloseGaps, FindsNothingWhereThereIsNothing) {
  SampleSketches pool{.names = {"a"}};
  pool.samples.push_back(sample_sketch(0, {value_sketch(-1.0F, 1.0F)}));
  const GapClosing none = close_gaps(pool, {exceeded("a", {-1.0F, 1.0F}, {-1.0F, 1.005F})}, 0);
  EXPECT_EQ(none.gaps, 0U);
  const GapClosing out = close_gaps(pool, {exceeded("a", {-1.0F, 1.0F}, {-1.0F, 9.0F})}, 0);
  EXPECT_EQ(out.gaps, 1U);
  EXPECT_TRUE(out.chosen.empty());
  EXPECT_EQ(out.closed_by_pool, 0.0);
}

}  // namespace
}  // namespace ptq
