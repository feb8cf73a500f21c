#pragma once
// The inner loop of per-channel statistics: sums and extremes of up to 16 interleaved sequences of
// float32 ("lanes"). One version for each instruction set, the best chosen at run time; all add in
// the same order, so they give the same bits. Used by channel_stats.cpp. Any thread.

#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string_view>

namespace ptq {

inline constexpr size_t kLanes = 16;

struct LaneSums {
  std::array<double, kLanes> sum{};
  std::array<double, kLanes> abs_sum{};  // not finite exactly when a value of the lane is not
  std::array<float, kLanes> min = filled(std::numeric_limits<float>::infinity());
  std::array<float, kLanes> max = filled(-std::numeric_limits<float>::infinity());

 private:
  static constexpr std::array<float, kLanes> filled(float value) {
    std::array<float, kLanes> out{};
    out.fill(value);
    return out;
  }
};

// Adds values[row · stride + lane] to lane `lane`, row by row, for `lanes` ≤ kLanes lanes. With an
// Inf or a NaN in a lane, only abs_sum of that lane says something.
using AddLanes = void (*)(const float* values, size_t rows, size_t stride, size_t lanes,
                          LaneSums& sums);

struct RunSums {
  double sum = 0.0;
  double abs_sum = 0.0;  // not finite exactly when a value is not; then the rest is void
  float min = std::numeric_limits<float>::infinity();
  float max = -std::numeric_limits<float>::infinity();
};

// Sums of `count` values that lie side by side. Order: value i of the first ⌊count / 8⌋ · 8 is
// added to lane i modulo kLanes; the lanes are folded in halves; the up to seven values left come
// last.
using SumRun = RunSums (*)(const float* values, size_t count);

struct LaneKernel {
  std::string_view name;  // "portable", "avx2"
  AddLanes add_lanes;
  SumRun sum_run;
};

// The versions that this processor runs, best last.
std::span<const LaneKernel> lane_kernels();

}  // namespace ptq
