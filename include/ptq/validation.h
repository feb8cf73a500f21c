#pragma once
// How far a quantized model is from its float original on the same samples, what that does to the
// task it was made for, and whether it is within the limits that the user set: made by
// validate_models of pipeline.h. Plain values; any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/benchmark.h"
#include "ptq/layer_error.h"

namespace ptq {

struct Interval {
  double lower = 0.0;
  double upper = 0.0;
};

struct OutputError {
  std::string name{};
  double sqnr_db = 0.0;  // 10·log10(Σx² / Σ(x − x̂)²) pooled over all samples; +infinity: equal
  double cosine = 0.0;   // of all values of all samples
  double max_abs = 0.0;  // max |x − x̂|
  double mean_abs = 0.0;
  uint64_t values = 0;
  uint64_t nonfinite = 0;       // NaN and Inf in the quantized model's output
  uint64_t fp32_nonfinite = 0;  // the same of FP32; where both have it, it is no error
  std::string worst_sample{};   // the one of lowest SQNR
  double worst_sqnr_db = 0.0;
};

// Decisions: the arg max along the last axis of an output, one a row.
struct Decisions {
  std::string output{};
  uint64_t rows = 0;
  uint64_t classes = 0;
  uint64_t top1_equal = 0;
  uint64_t top5_equal = 0;  // the class of FP32 is among the five of the quantized model
  // KL(softmax of FP32 ‖ softmax of the quantized model) in nats; where rows already are
  // probabilities they are taken as they are.
  double mean_kl = 0.0;
  double max_kl = 0.0;
  bool probabilities = false;

  double top1_percent() const { return percent(top1_equal); }
  double top5_percent() const { return percent(top5_equal); }

 private:
  double percent(uint64_t equal) const {
    return rows == 0 ? 100.0 : 100.0 * static_cast<double>(equal) / static_cast<double>(rows);
  }
};

// Which way decisions went, where there are labels.
struct Flips {
  uint64_t decided = 0;       // rows with a label
  uint64_t fp32_correct = 0;  // top-1
  uint64_t quantized_correct = 0;
  uint64_t broken = 0;          // FP32 right, quantized wrong
  uint64_t repaired = 0;        // FP32 wrong, quantized right
  uint64_t wrong_to_wrong = 0;  // both wrong, in different ways
};

// How sure a figure is. kNone: one number a model, without samples behind it.
enum class IntervalMethod { kNone, kTango, kBootstrap };
std::string_view method_name(IntervalMethod method);  // "none", "tango", "bootstrap"

// One metric of the task with both models. `drop` is positive when the quantized model is worse,
// whichever direction is better.
struct MetricResult {
  std::string name{};   // "top1"
  std::string title{};  // "top-1 accuracy"
  std::string unit{};   // "%" (differences are points), "" for others
  bool higher_is_better = true;
  double fp32 = 0.0;
  double quantized = 0.0;
  double drop = 0.0;
  double standard_error = 0.0;
  IntervalMethod method = IntervalMethod::kNone;
  Interval interval{};  // of the drop, one-sided bounds at `confidence`
  double confidence = 0.95;
  size_t resamples = 0;    // of the bootstrap
  double mcnemar_p = 1.0;  // kTango only
  bool mcnemar_exact = true;
  uint64_t broken = 0;
  uint64_t repaired = 0;
};

struct TaskResult {
  std::string name{};  // "classification"
  std::string form{};  // how outputs were read, in words; "" where there is one way
  uint64_t samples = 0;
  std::vector<MetricResult> metrics{};
  size_t judged = 0;  // position of the metric that --max-drop judges
  std::optional<Flips> flips{};
};

struct WorstSample {
  std::string name{};    // as messages about samples name it
  std::string output{};  // where it is worst
  double sqnr_db = 0.0;
  double max_abs = 0.0;
  std::optional<int64_t> fp32_class{};
  std::optional<int64_t> quantized_class{};
  std::optional<int64_t> label{};
  std::string file{};  // written by --dump-worst
};

enum class GateOutcome { kPass, kFail, kInconclusive, kWarn };
std::string_view outcome_name(GateOutcome outcome);  // "pass", "fail", "inconclusive", "warn"

struct Gate {
  std::string name{};    // "max-drop"
  std::string output{};  // that the limit was set for; "": for all, or for the model
  std::string target{};  // output or metric that was judged; "" for the model
  double limit = 0.0;
  double measured = 0.0;
  std::string unit{};
  GateOutcome outcome = GateOutcome::kFail;
  std::optional<Interval> interval{};
  uint64_t samples_needed = 0;  // inconclusive: how many would decide, all else equal; 0: unknown
  bool blocks = false;          // the verb ends in exit code 1 because of it
  std::string text{};           // "top-1 drop 0.15 points (standard error 0.29), limit 1.00"
  std::string cause{};          // of a failure, where one is known
};

struct ValidationFinding {
  std::string code{};      // "PTQ-G003"
  std::string severity{};  // "error", "warning" or "info"
  std::string message{};
};

struct Hygiene {
  uint64_t duplicates = 0;    // samples that are equal to an earlier one
  std::string calibration{};  // where hashes of calibration came from; "": not compared
  uint64_t calibration_samples = 0;
  uint64_t overlap = 0;                    // samples that were calibrated on
  std::vector<std::string> overlapping{};  // names of the first of them
};

// What a repetition needs to give the same figures.
struct ValidationSettings {
  int threads = 0;            // samples at once; each runs on one thread
  std::string runtime_opt{};  // "all", "basic", "none"
  int accuracy_level = -1;    // of MatMulNBits; -1: the runtime's own
  double confidence = 0.95;
  std::string on_inconclusive{};
  uint64_t seed = 0;  // of the bootstrap
  std::string sample_fingerprint{};
};

struct Validation {
  uint64_t samples = 0;
  std::vector<OutputError> outputs{};
  std::optional<Decisions> decisions{};
  std::optional<TaskResult> task{};
  std::vector<WorstSample> worst{};  // the worst first
  Hygiene hygiene{};
  uint64_t fp32_bytes = 0;  // file and external data
  uint64_t quantized_bytes = 0;
  std::optional<double> integer_share{};  // of multiply-accumulates; empty: not asked or unknown
  std::optional<Benchmark> benchmark{};
  std::optional<LayerErrors> layers{};  // empty: not asked for
  std::vector<Gate> gates{};
  std::vector<ValidationFinding> findings{};
  std::vector<std::string> warnings{};
  ValidationSettings settings{};

  bool passed() const;  // no gate blocks
  // "PASS", "FAIL", or "INCONCLUSIVE" when no gate failed and one is undecided.
  std::string_view verdict() const;
};

}  // namespace ptq
