#include "calib/slot_counter.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace ptq {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::nanf("");

std::vector<float> normal_values(size_t size, uint32_t seed, float scale) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, scale);
  std::vector<float> values(size);
  for (float& value : values) {
    value = normal(random);
  }
  return values;
}

TensorStats counted(SlotCounter& counter, std::span<const float> values) {
  SlotCounts slot;
  counter.add(values, slot);
  counter.flush(slot);
  return slot.stats();
}

TEST(SlotCounter, EqualsTheReferenceOnWhateverItSawBefore) {
  for (const CountKernelVersion& version : count_kernels()) {
    SCOPED_TRACE(version.name);
    SlotCounter counter(version.function);
    std::vector<std::vector<float>> cases = {
        {},
        {0.0F},
        {-0.0F, 0.0F},
        {-0.0F},
        {1.0F},
        {-1.0F},
        {1e-40F, -1e-40F},
        {kNan},
        {kInf, -kInf, kNan},
        {kInf, 3.0F, -2.0F, kNan, 0.0F, -1e-38F},
        {std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()},
        normal_values(10000, 1, 1.0F),
        normal_values(5000, 2, 1e20F),
        normal_values(5000, 3, 1e-20F),
    };
    cases.push_back(normal_values(3000, 4, 1.0F));
    cases.back()[1234] = kNan;
    cases.back()[77] = -kInf;
    for (int round = 0; round < 2; ++round) {
      for (size_t i = 0; i < cases.size(); ++i) {
        EXPECT_EQ(counted(counter, cases[i]), stats_of(cases[i])) << "case " << i;
      }
    }
  }
}

TEST(SlotCounter, DoesNotDependOnPiecesAndFlushes) {
  std::vector<float> values = normal_values(20000, 5, 3.0F);
  for (size_t i = 0; i < values.size(); i += 3) {
    values[i] = std::max(0.0F, values[i]);
  }
  values[15000] = kNan;
  values[4000] = kInf;
  SlotCounter counter;
  SlotCounts slot;
  std::mt19937 random(9);
  for (size_t at = 0; at < values.size();) {
    const size_t size = std::min<size_t>(random() % 3000, values.size() - at);
    counter.add(std::span(values).subspan(at, size), slot);
    at += size;
    if (random() % 3 == 0) {
      counter.flush(slot);
    }
  }
  counter.flush(slot);
  EXPECT_EQ(slot.stats(), stats_of(values));
}

TEST(SlotCounter, KeepsSlotsApart) {
  const std::vector<float> a = normal_values(4000, 1, 1.0F);
  const std::vector<float> b = normal_values(4000, 2, 100.0F);
  SlotCounter counter;
  SlotCounts slot_a;
  SlotCounts slot_b;
  std::vector<float> all_a;
  for (int i = 0; i < 3; ++i) {
    counter.add(a, slot_a);
    counter.flush(slot_a);
    counter.add(b, slot_b);
    counter.flush(slot_b);
    all_a.insert(all_a.end(), a.begin(), a.end());
  }
  EXPECT_EQ(slot_a.stats(), stats_of(all_a));
  EXPECT_EQ(slot_b.stats().count, 3 * b.size());
}

}  // namespace
}  // namespace ptq
