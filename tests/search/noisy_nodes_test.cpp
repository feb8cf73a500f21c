// Group testing on simulated nodes whose error powers add up.
#include "search/noisy_nodes.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace ptq {
namespace {

struct Simulation {
  std::vector<double> power;  // error over signal, by node
  int measurements = 0;

  double operator()(std::span<const size_t> nodes) {
    ++measurements;
    double sum = 0.0;
    for (const size_t node : nodes) {
      sum += power.at(node);
    }
    return -10.0 * std::log10(sum);
  }
};

std::vector<size_t> all(size_t count) {
  std::vector<size_t> nodes(count);
  std::iota(nodes.begin(), nodes.end(), size_t{0});
  return nodes;
}

TEST(FindNoisyNodes, FindsExactlyThoseBelowTheLimit) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> decibels(10.0, 60.0);
  for (int trial = 0; trial < 50; ++trial) {
    Simulation simulation;
    std::vector<size_t> expected;
    for (size_t node = 0; node < 40; ++node) {
      const double sqnr_db = decibels(random);
      simulation.power.push_back(std::pow(10.0, -sqnr_db / 10.0));
      if (sqnr_db < 20.0) {
        expected.push_back(node);
      }
    }
    std::vector<size_t> found;
    for (const NoisyNode& noisy : find_noisy_nodes(all(40), 20.0, std::ref(simulation))) {
      found.push_back(noisy.node);
      EXPECT_NEAR(noisy.sqnr_db, -10.0 * std::log10(simulation.power[noisy.node]), 1e-9);
    }
    std::ranges::sort(found);
    EXPECT_EQ(found, expected);
  }
}

TEST(FindNoisyNodes, OneNoisyNodeOfManyCostsFewMeasurements) {
  for (const size_t culprit : {0UL, 77UL, 127UL}) {
    Simulation simulation{.power = std::vector<double>(128, 1e-6)};
    simulation.power[culprit] = 0.5;
    const std::vector<NoisyNode> found = find_noisy_nodes(all(128), 20.0, std::ref(simulation));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].node, culprit);
    EXPECT_LE(simulation.measurements, 15);  // 1 + 2 log2(128)
  }
}

TEST(FindNoisyNodes, AGoodModelCostsOneMeasurement) {
  Simulation simulation{.power = std::vector<double>(100, 1e-5)};
  EXPECT_TRUE(find_noisy_nodes(all(100), 20.0, std::ref(simulation)).empty());
  EXPECT_EQ(simulation.measurements, 1);
  EXPECT_TRUE(find_noisy_nodes({}, 20.0, std::ref(simulation)).empty());
}

TEST(FindNoisyNodes, NoisiestComeFirst) {
  Simulation simulation{.power = {0.02, 1e-6, 0.5, 0.1}};
  const std::vector<NoisyNode> found = find_noisy_nodes(all(4), 20.0, std::ref(simulation));
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].node, 2U);
  EXPECT_EQ(found[1].node, 3U);
  EXPECT_EQ(found[2].node, 0U);
}

}  // namespace
}  // namespace ptq
