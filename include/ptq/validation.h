#pragma once
// How far a quantized model is from its float original on the same samples, and whether that is
// within the limits that the user set. Plain values; any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ptq {

struct OutputError {
  std::string name{};
  double sqnr_db = 0.0;  // 10·log10(Σx² / Σ(x − x̂)²) pooled over all samples; +infinity: equal
  double cosine = 0.0;   // of all values of all samples
  double max_abs = 0.0;  // max |x − x̂|
  double mean_abs = 0.0;
  uint64_t nonfinite = 0;  // NaN and Inf in the quantized model's output
};

// Comparison of the arg max along the last axis of the first output.
struct Agreement {
  uint64_t decisions = 0;
  uint64_t equal = 0;
  double percent() const {
    return decisions == 0 ? 100.0
                          : 100.0 * static_cast<double>(equal) / static_cast<double>(decisions);
  }
};

struct LabelScore {
  uint64_t samples = 0;
  uint64_t fp32_correct = 0;
  uint64_t quantized_correct = 0;
  uint64_t broken = 0;    // FP32 right, quantized wrong
  uint64_t repaired = 0;  // FP32 wrong, quantized right

  double fp32_percent() const;
  double quantized_percent() const;
  // Points of top-1 lost (positive: the quantized model is worse).
  double drop_points() const;
  // Standard error of the paired difference, in points: sqrt(b + c − (b − c)²/n) / n.
  double drop_standard_error() const;
};

struct Gate {
  std::string name{};  // "max-drop"
  double limit = 0.0;
  double measured = 0.0;
  bool passed = false;
  std::string text{};  // "top-1 drop 0.15 points (standard error 0.29), limit 1.00"
};

struct Validation {
  uint64_t samples = 0;
  std::vector<OutputError> outputs{};
  std::optional<Agreement> agreement{};
  std::optional<LabelScore> labels{};
  std::vector<Gate> gates{};
  std::vector<std::string> warnings{};

  bool passed() const;
};

struct ValidationLimits {
  std::optional<double> max_drop{};       // points of top-1, needs labels
  std::optional<double> min_sqnr_db{};    // of every output
  std::optional<double> min_agreement{};  // percent
};

}  // namespace ptq
