#pragma once
// Whether the samples of a calibration cover what a model meets in production: both statistics side
// by side, tensor by tensor. Called by `ptq coverage`. Pure functions; any thread.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/activation_stats.h"
#include "ptq/range.h"

namespace ptq {

// A kind of finding about samples and what they cover, with all that `ptq explain` says about it.
struct CoverageFindingRow {
  std::string_view code;      // "PTQ-V001"
  std::string_view severity;  // "error", "warning" or "info"
  std::string_view title;     // a few words
  std::string_view meaning;   // what was seen
  std::string_view why;       // why it matters
  std::string_view remedy;    // what to do
};
// In order of code.
std::span<const CoverageFindingRow> coverage_findings();

// One gap of one tensor.
struct CoverageGap {
  std::string tensor{};
  std::string code{};
  std::string severity{};
  std::string message{};  // with the figures
};

// One tensor. Shares are of finite values, 0 … 1.
struct TensorCoverage {
  std::string name{};
  std::string estimator{};  // that `quantize` would choose by its rule
  Range range{};            // and its range
  Extremes calibration{};   // what calibration saw: the range of absmax
  Extremes production{};
  // How far production reaches: the larger of max / hi and min / lo, where a side counts as at
  // least one code of 255 wide. 1: exactly as far; +infinity: calibration saw zeros only.
  double range_ratio = 1.0;   // over the chosen range
  double absmax_ratio = 1.0;  // over all that calibration saw
  double clipped = 0.0;       // share of production values outside of `range` by half a code of 255
  double clipped_calibration = 0.0;  // the same of calibration values
  double clipped_absmax = 0.0;       // share of production values beyond all that calibration saw
  double js_distance = 0.0;          // 0 equal … 1 apart
  double ks_distance = 0.0;          // 0 … 1
  std::vector<CoverageGap> gaps{};   // the most severe first

  // Clipped in production beyond what the range clips of calibration on purpose.
  double excess() const {
    return clipped > clipped_calibration ? clipped - clipped_calibration : 0;
  }
};

// Square root of the Jensen–Shannon divergence to base 2 of the histograms (Endres, Schindelin
// 2003), in buckets of a quarter octave; signs and zero apart. 0 when one of them is empty.
double js_distance(const TensorStats& a, const TensorStats& b);
// Largest difference of the cumulated shares (Kolmogorov, Smirnov), at the edges of the buckets.
double ks_distance(const TensorStats& a, const TensorStats& b);

// What the samples say beside the values.
struct ProductionTraits {
  bool observed = false;        // by libptq_observe, in production; else a calibration
  uint64_t runs = 0;            // observed: of the model,
  uint64_t counted = 0;         // and those that are in the statistics
  uint64_t different = 0;       // samples that differ, among those that are told apart
  bool all_told_apart = true;   // else these are a random choice
  uint64_t repeated = 0;        // further occurrences of these
  uint64_t in_calibration = 0;  // of these, samples that calibration has too
  uint64_t unobserved = 0;      // calibrated tensors that production was not asked for
  bool operator==(const ProductionTraits&) const = default;
};
ProductionTraits production_traits(const ActivationStats& calibration,
                                   const ActivationStats& production);

// Throws Error{kInput}, naming both, when one holds no samples or no values, or when they are not
// of one model, one setting and one set of tensors; what was observed in production may lack some.
void check_comparable(const NamedStats& calibration, const NamedStats& production);

struct ChosenEstimate {
  std::string estimator{};
  Range range{};
};

// All tensors that `ranges` names, in order of gravity: severity of the worst gap, then clipped
// share, then how far production reaches, then name. What is missing in one of the statistics
// counts as never computed.
std::vector<TensorCoverage> compare_stats(const ActivationStats& calibration,
                                          const ActivationStats& production,
                                          const std::map<std::string, ChosenEstimate>& ranges);

}  // namespace ptq
