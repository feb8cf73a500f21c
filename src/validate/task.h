#pragma once
// The tasks that a validation can judge, one row each in task_table.cpp: how a sample is scored
// with its label, and which metrics follow from the scores. A score is a short list of numbers
// whose meaning is the task's; a metric is a function of all scores and of how often each sample
// counts, which is all that a bootstrap needs. Judges are read-only after construction: any thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/sample_source.h"
#include "ptq/tensor.h"
#include "ptq/validation.h"
#include "ptq/validation_request.h"

namespace ptq {

using SampleScore = std::vector<double>;

struct PairScore {
  SampleScore fp32{};
  SampleScore quantized{};
  Flips flips{};
};

// The outputs of one run by name, in the order of the FP32 model.
struct NamedOutput {
  std::string_view name;
  const Tensor* tensor = nullptr;
};
using RunOutputs = std::vector<NamedOutput>;

class TaskJudge {
 public:
  virtual ~TaskJudge() = default;
  // Scores one sample with both models. Throws Error{kInput} that names the sample when outputs or
  // label do not fit the task.
  virtual PairScore score(const RunOutputs& fp32, const RunOutputs& quantized,
                          const Sample& sample) const = 0;
  // How outputs are read, where there are several ways; known after the first sample.
  virtual std::string form() const { return {}; }
};

// How often each sample counts, by position; empty: once.
using SampleWeights = std::span<const uint32_t>;

struct MetricRow {
  std::string_view name;   // "top1"
  std::string_view title;  // "top-1 accuracy"
  std::string_view unit;   // "%" or ""
  bool higher_is_better = true;
  // NaN where the scores do not define it.
  double (*value)(std::span<const SampleScore> scores, SampleWeights weights) = nullptr;
  // In place of `value` where work on the scores alone is worth doing once. The scores outlive it.
  std::function<double(SampleWeights)> (*bind)(std::span<const SampleScore> scores) = nullptr;
  // Element of a score that is 1 or 0 for each sample, of which the metric is the mean in percent;
  // -1: it is no proportion.
  int proportion = -1;
  // Standard error of quantized − FP32 where there is a formula; null: the bootstrap's.
  double (*standard_error)(std::span<const SampleScore> fp32,
                           std::span<const SampleScore> quantized) = nullptr;
};

// Labels are integers, one a sample; tensors, one a sample; boxes in a table; or not needed.
enum class LabelForm { kClass, kTensor, kBoxes, kOptionalTensor };

struct TaskRow {
  std::string_view name;
  std::string_view summary;  // one line for --help
  LabelForm labels = LabelForm::kClass;
  bool decisions = false;  // outputs hold rows of classes along their last axis
  std::unique_ptr<TaskJudge> (*make)(const TaskOptions& options) = nullptr;
  std::span<const MetricRow> metrics{};  // the first is judged unless another is asked for
};

std::span<const TaskRow> tasks();
// Throws Error{kUsage} naming those that there are.
const TaskRow& find_task(std::string_view name);
// Position of the metric; 0 for "". Throws Error{kUsage} naming those of the task.
size_t find_metric(const TaskRow& task, std::string_view name);

// Rows of the table, each in a file of its own.
extern const TaskRow kClassificationTask;
extern const TaskRow kRegressionTask;
extern const TaskRow kLanguageTask;
extern const TaskRow kSegmentationTask;
extern const TaskRow kDetectionTask;

// What several tasks share.
// The output called `wanted`, or the first for which `fits` holds. Throws Error{kInput} saying what
// the task needs.
const Tensor& task_output(const RunOutputs& outputs, const std::string& wanted,
                          bool (*fits)(const Tensor&), std::string_view needed,
                          const Sample& sample);
// Weighted sum of element k of all scores.
double weighted_sum(std::span<const SampleScore> scores, SampleWeights weights, size_t k);
// Both models with the metric, with its interval.
MetricResult measure_metric(const MetricRow& metric, std::span<const SampleScore> fp32,
                            std::span<const SampleScore> quantized, double confidence,
                            size_t resamples, uint64_t seed);

}  // namespace ptq
