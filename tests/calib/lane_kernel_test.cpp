#include "calib/lane_kernel.h"

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace ptq {
namespace {

class LaneKernelTest : public testing::TestWithParam<LaneKernel> {};

std::vector<float> random_values(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) {  // 40 octaves: sums round, so that another order would show
    value = std::ldexp(normal(random), static_cast<int>(random() % 40) - 20);
  }
  return values;
}

TEST_P(LaneKernelTest, AddsInTheOrderOfRows) {
  constexpr size_t kStride = 19;
  for (const size_t rows : {0U, 1U, 2U, 7U, 100U}) {
    const std::vector<float> values = random_values(rows * kStride + kLanes, 5);
    for (size_t lanes = 0; lanes <= kLanes; ++lanes) {
      LaneSums sums;
      sums.sum.fill(0.25);  // adds to what is there
      GetParam().add_lanes(values.data(), rows, kStride, lanes, sums);
      for (size_t lane = 0; lane < kLanes; ++lane) {
        LaneSums expected;
        expected.sum[0] = 0.25;
        for (size_t row = 0; lane < lanes && row < rows; ++row) {
          const float x = values[row * kStride + lane];
          expected.sum[0] += static_cast<double>(x);
          expected.abs_sum[0] += std::fabs(static_cast<double>(x));
          expected.min[0] = std::min(expected.min[0], x);
          expected.max[0] = std::max(expected.max[0], x);
        }
        ASSERT_EQ(sums.sum[lane], expected.sum[0]) << rows << " rows, lane " << lane;
        ASSERT_EQ(sums.abs_sum[lane], expected.abs_sum[0]);
        ASSERT_EQ(sums.min[lane], expected.min[0]);
        ASSERT_EQ(sums.max[lane], expected.max[0]);
      }
    }
  }
}

TEST_P(LaneKernelTest, SumsARunInTheOrderThatAllVersionsShare) {
  for (size_t count = 0; count < 200; ++count) {
    const std::vector<float> values = random_values(count + 1, static_cast<unsigned>(count));
    const RunSums run = GetParam().sum_run(values.data() + 1, count);  // not aligned
    const std::span<const float> all = std::span(values).subspan(1);
    std::array<double, kLanes> lanes{};
    std::array<double, kLanes> abs_lanes{};
    for (size_t i = 0; i < count / 8 * 8; ++i) {
      lanes[i % kLanes] += static_cast<double>(all[i]);
      abs_lanes[i % kLanes] += std::fabs(static_cast<double>(all[i]));
    }
    for (size_t width = kLanes / 2; width > 0; width /= 2) {
      for (size_t lane = 0; lane < width; ++lane) {
        lanes[lane] += lanes[lane + width];
        abs_lanes[lane] += abs_lanes[lane + width];
      }
    }
    RunSums expected{lanes[0], abs_lanes[0]};
    for (size_t i = 0; i < count; ++i) {
      expected.min = std::min(expected.min, all[i]);
      expected.max = std::max(expected.max, all[i]);
      if (i >= count / 8 * 8) {
        expected.sum += static_cast<double>(all[i]);
        expected.abs_sum += std::fabs(static_cast<double>(all[i]));
      }
    }
    ASSERT_EQ(run.sum, expected.sum) << count << " values";
    ASSERT_EQ(run.abs_sum, expected.abs_sum) << count << " values";
    ASSERT_EQ(run.min, expected.min);
    ASSERT_EQ(run.max, expected.max);
  }
}

TEST_P(LaneKernelTest, ShowsWhatIsNotFiniteInItsLane) {
  for (const float odd : {std::numeric_limits<float>::infinity(), std::nanf(""),
                          -std::numeric_limits<float>::infinity()}) {
    std::vector<float> values = random_values(40 * kLanes, 6);
    values[7 * kLanes + 3] = odd;
    LaneSums sums;
    GetParam().add_lanes(values.data(), 40, kLanes, kLanes, sums);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      EXPECT_EQ(std::isfinite(sums.abs_sum[lane]), lane != 3);
    }
  }
  for (size_t odd = 0; odd < 61; ++odd) {
    std::vector<float> run(61, 1.0F);
    run[odd] = odd % 2 == 0 ? std::nanf("") : std::numeric_limits<float>::infinity();
    EXPECT_FALSE(std::isfinite(GetParam().sum_run(run.data(), run.size()).abs_sum)) << odd;
  }
  // The largest floats do not make a sum overflow.
  const std::vector<float> values(10000 * kLanes, std::numeric_limits<float>::max());
  LaneSums sums;
  GetParam().add_lanes(values.data(), 10000, kLanes, kLanes, sums);
  EXPECT_TRUE(std::isfinite(sums.abs_sum[0]));
}

INSTANTIATE_TEST_SUITE_P(Versions, LaneKernelTest, testing::ValuesIn(lane_kernels()),
                         [](const auto& version) { return std::string(version.param.name); });

}  // namespace
}  // namespace ptq
