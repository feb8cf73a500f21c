#include "observe/model_counts.h"

#include <algorithm>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using namespace std::chrono_literals;

Digest digest(uint32_t number) {
  Digest out{};
  for (size_t i = 0; i < 4; ++i) {
    out[i] = static_cast<std::byte>(number >> (8 * (3 - i)));
  }
  return out;
}

ObservedModel two_values() {
  return {.fingerprint = "f", .runtime_version = "1", .values = {"a", "b"}};
}

void count(ModelCounts& counts, int64_t token, size_t slot, const std::vector<float>& values) {
  const Shape shape = {static_cast<int64_t>(values.size())};
  counts.count(token, slot, {.stored = values, .shape = shape});
}

TEST(ModelCounts, HoldsCompleteRunsAlone) {
  ModelCounts counts(two_values());
  const int64_t first = counts.begin_run({digest(1)}, {});
  const int64_t second = counts.begin_run({digest(2)}, {});
  EXPECT_NE(first, 0);
  EXPECT_NE(first, second);
  count(counts, first, 0, {1, 2});
  count(counts, second, 0, {100});
  counts.see_run();
  EXPECT_EQ(counts.stats().samples(), 0U);
  counts.end_run(first);
  const ActivationStats stats = counts.stats();
  EXPECT_EQ(stats.tensors.at("a"), stats_of(std::vector<float>{1, 2}));
  EXPECT_EQ(stats.tensors.at("b"), TensorStats{});
  EXPECT_EQ(stats.production, (Production{.runs = 3, .counted = 1, .samples = 1, .times = {1}}));
  EXPECT_EQ(stats.strata.at("").extremes.at("a"), (Extremes{1, 2}));
  count(counts, first, 0, {7});  // over
  counts.end_run(first);
  EXPECT_EQ(counts.counted(), 1U);
  EXPECT_THROW(count(counts, second, 2, {1}), Error);
}

TEST(ModelCounts, RunsUnderWayAtAResetAreForgotten) {
  ModelCounts counts(two_values());
  const int64_t token = counts.begin_run({digest(1)}, {});
  counts.reset();
  counts.end_run(token);
  EXPECT_EQ(counts.runs(), 0U);
  EXPECT_EQ(counts.counted(), 0U);
  counts.end_run(counts.begin_run({digest(1)}, {}));
  EXPECT_EQ(counts.counted(), 1U);
}

TEST(ModelCounts, RunsThatNeverEndMakeRoomInTheEnd) {
  ModelCounts counts(two_values());
  int64_t first = 0;
  for (size_t i = 0; i < ModelCounts::kMaxRuns; ++i) {
    const int64_t token = counts.begin_run({digest(1)}, {});
    EXPECT_NE(token, 0);
    first = i == 0 ? token : first;
  }
  count(counts, first, 0, {5});
  EXPECT_EQ(counts.begin_run({digest(2)}, {}, 1h), 0);
  const int64_t late = counts.begin_run({digest(3)}, {}, 0s);
  ASSERT_NE(late, 0);
  count(counts, first, 0, {6});  // stale
  counts.end_run(first);
  count(counts, late, 0, {7});
  counts.end_run(late);
  const ActivationStats stats = counts.stats();
  EXPECT_EQ(stats.tensors.at("a"), stats_of(std::vector<float>{7}));
  EXPECT_EQ(stats.sample_hashes, std::vector<Digest>{digest(3)});
  EXPECT_EQ(stats.production->runs, ModelCounts::kMaxRuns + 2);
}

TEST(ModelCounts, KeepsTheSmallestHashesWithTheirTrueNumber) {
  std::mt19937 random(5);
  std::map<Digest, uint64_t> all;
  std::vector<NamedStats> parts;
  for (int part = 0; part < 2; ++part) {
    ModelCounts counts(two_values());
    for (int run = 0; run < 300; ++run) {
      std::vector<Digest> samples;
      for (int i = 0; i < 100; ++i) {
        samples.push_back(digest(static_cast<uint32_t>(random() % 30000)));
        ++all[samples.back()];
      }
      counts.end_run(counts.begin_run(std::move(samples), {}));
    }
    parts.push_back({"part", counts.stats()});
  }
  ASSERT_GT(all.size(), Production::kMaxHashes);
  const ActivationStats merged = merge_stats(std::move(parts));
  EXPECT_EQ(merged.samples(), 60000U);
  EXPECT_EQ(merged.production->counted, 600U);
  ASSERT_EQ(merged.sample_hashes.size(), Production::kMaxHashes);
  auto expected = all.begin();
  for (size_t i = 0; i < merged.sample_hashes.size(); ++i, ++expected) {
    ASSERT_EQ(merged.sample_hashes[i], expected->first);
    ASSERT_EQ(merged.production->times[i], expected->second);
  }
}

TEST(ModelCounts, ThreadsOfOneRunMayCountAtOnce) {
  ModelCounts counts(two_values());
  const int64_t token = counts.begin_run({digest(1)}, {});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i) {
          count(counts, token, static_cast<size_t>(t % 2), {static_cast<float>(i)});
        }
      });
    }
  }
  counts.end_run(token);
  EXPECT_EQ(counts.stats().tensors.at("a").count, 100U);
  EXPECT_EQ(counts.stats().tensors.at("b").count, 100U);
}

}  // namespace
}  // namespace ptq
