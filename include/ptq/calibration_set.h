#pragma once
// Whether a calibration set is large and even enough: how far ranges still move, and what single
// strata do. Called by `ptq diagnose`. Pure functions; any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ptq/activation_stats.h"
#include "ptq/coverage.h"
#include "ptq/sample_sketch.h"

namespace ptq {

// Ranges that grow by less when the number of samples doubles have settled.
inline constexpr double kSettledGrowth = 0.05;
// With fewer samples nothing can be said.
inline constexpr size_t kLeastSamples = 16;

struct TensorConvergence {
  std::string name{};
  // By how much the range is expected to grow when the number of samples doubles, over its width.
  double growth = 0.0;
  // Largest difference of the cumulated shares of octaves between both halves of the samples, 0…1.
  double halves = 0.0;
  // Samples that are still needed; 0: enough. Empty: no number settles the range (a heavy tail).
  std::optional<uint64_t> more = 0;
};

struct CalibrationSet {
  uint64_t samples = 0;
  uint64_t duplicates = 0;                       // samples equal to another one
  std::vector<TensorConvergence> convergence{};  // least settled first; empty without sketches
  std::vector<CoverageGap> findings{};           // the most severe first
};

// Expected largest of `m` values drawn without replacement, 1 ≤ m ≤ size; `sorted` ascends.
double expected_maximum(const std::vector<double>& sorted, size_t m);

// Strata and duplicates from the statistics; convergence from the sketches of the same samples,
// which may be empty. What lies beyond `ranges` (by name; others count whole) will be clipped on
// purpose, so it moves nothing.
//
// The growth is extrapolated from the expected maxima of an eighth, a quarter and half of the
// samples: extreme values of independent samples grow by a constant factor ρ from one doubling to
// the next (1 for exponential tails, below for bounded ones, above for heavy ones), which both
// differences give.
CalibrationSet judge_calibration(const ActivationStats& stats, const SampleSketches& sketches,
                                 const std::map<std::string, Extremes>& ranges);

}  // namespace ptq
