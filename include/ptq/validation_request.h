#pragma once
// What a validation is asked: the task, the limits, and how it runs. Plain values; any thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ptq/fingerprint.h"

namespace ptq {

struct TaskOptions {
  std::string name{};    // a row of tasks(); "": classification when there are labels, else none
  std::string metric{};  // that --max-drop judges; "": the first of the task
  std::string labels{};  // a key of the samples, or a .csv or .npy file; "": none
  std::string output{};  // of the models that the task looks at; "": the first that fits
  // Labels that do not count; empty: 255 for segmentation, -100 for lm.
  std::optional<int64_t> ignore_label{};
  std::string detections{};        // "yolox" or "boxes"; "": what the outputs fit
  double score_threshold = 0.001;  // detections below are left out
  double nms_iou = 0.65;           // of raw heads, by class
};

// A limit for one output, or for every output when the name is empty.
struct OutputLimit {
  std::string output{};
  double limit = 0.0;
};

// An earlier validation that must not be undercut.
struct ValidationBaseline {
  std::string name{};                       // the file, for messages
  std::map<std::string, double> sqnr_db{};  // by output
  std::string metric{};                     // of the task; "" when it had none
  double drop = 0.0;
};

enum class InconclusivePolicy { kFail, kPass, kWarn };

struct ValidationLimits {
  std::optional<double> max_drop{};       // in the unit of the metric; points where that is percent
  std::optional<double> min_agreement{};  // percent
  std::vector<OutputLimit> min_sqnr_db{};
  std::vector<OutputLimit> max_error{};  // max |x − x̂|
  std::optional<double> max_kl{};        // mean, in nats
  std::optional<double> min_size_ratio{};
  std::optional<double> min_integer_share{};  // of multiply-accumulates, 0 to 1
  std::optional<double> min_speedup{};
  std::optional<ValidationBaseline> baseline{};
  double max_regression_db = 0.0;               // of any output against the baseline
  std::optional<double> max_regression_drop{};  // of the task's metric, in its unit
  InconclusivePolicy on_inconclusive = InconclusivePolicy::kFail;
  bool forbid_overlap = false;
};

// Runs a program for each model and takes the number on the last line of what it prints.
struct EvaluateOptions {
  std::string command{};  // for /bin/sh; "{model}" stands for the quoted path; "": none
  bool lower_is_better = false;
  double timeout_seconds = 3600.0;
};

// What was calibrated on, by hash.
struct CalibrationHashes {
  std::string name{};  // where they come from, for messages
  std::vector<Digest> hashes{};
};

struct ValidationRequest {
  TaskOptions task{};
  ValidationLimits limits{};
  EvaluateOptions evaluate{};
  double confidence = 0.95;  // one-sided
  uint64_t seed = 0;
  size_t resamples = 2000;
  size_t worst = 5;                     // samples that are named
  bool layers = false;                  // look where the error comes from
  std::filesystem::path dump_folder{};  // receives the inputs of these; "": nowhere
  std::string runtime_opt = "all";      // "all", "basic", "none"
  int accuracy_level = -1;              // of MatMulNBits; -1: the runtime's own
  std::optional<CalibrationHashes> calibration{};
  size_t speed_runs = 30;  // of each model, for min_speedup
  int speed_threads = 0;   // inside an operator; 0: all processors
};

}  // namespace ptq
