// One class a sample: top-1, top-5 and F1.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "ptq/error.h"
#include "validate/decisions.h"
#include "validate/task.h"

namespace ptq {
namespace {

// Elements of a score.
enum : size_t { kTop1, kTop5, kLabel, kPredicted };

bool is_one_row(const Tensor& tensor) {
  return has_decisions(tensor) && tensor.size() == tensor.shape().back();
}

SampleScore score_row(const Tensor& tensor, int64_t label) {
  const std::vector<float> row = to_floats(tensor);
  const size_t predicted = arg_max(row);
  const bool known = label >= 0;
  const bool right = known && predicted == static_cast<size_t>(label);
  const bool near = known && (right || among_largest(row, static_cast<size_t>(label), 5));
  return {right ? 1.0 : 0.0, near ? 1.0 : 0.0, static_cast<double>(label),
          static_cast<double>(predicted)};
}

class ClassificationJudge : public TaskJudge {
 public:
  explicit ClassificationJudge(const TaskOptions& options) : output_(options.output) {}

  PairScore score(const RunOutputs& fp32, const RunOutputs& quantized,
                  const Sample& sample) const override {
    if (!sample.label) {
      throw Error(ErrorCode::kInput, fmt::format("sample {} has no label, but classification "
                                                 "needs one class a sample",
                                                 printable(sample.origin)));
    }
    constexpr std::string_view kNeeded = "an output of shape [1, classes]";
    PairScore result{
        .fp32 = score_row(task_output(fp32, output_, is_one_row, kNeeded, sample), *sample.label),
        .quantized =
            score_row(task_output(quantized, output_, is_one_row, kNeeded, sample), *sample.label)};
    const bool before = result.fp32[kTop1] != 0.0;
    const bool after = result.quantized[kTop1] != 0.0;
    result.flips.decided = 1;
    result.flips.fp32_correct = before ? 1 : 0;
    result.flips.quantized_correct = after ? 1 : 0;
    result.flips.broken = before && !after ? 1 : 0;
    result.flips.repaired = !before && after ? 1 : 0;
    result.flips.wrong_to_wrong =
        !before && !after && result.fp32[kPredicted] != result.quantized[kPredicted] ? 1 : 0;
    return result;
  }

 private:
  std::string output_;
};

double total_weight(std::span<const SampleScore> scores, SampleWeights weights) {
  double sum = 0.0;
  for (const uint32_t weight : weights) {
    sum += static_cast<double>(weight);
  }
  return weights.empty() ? static_cast<double>(scores.size()) : sum;
}

template <size_t kElement>
double percent_of(std::span<const SampleScore> scores, SampleWeights weights) {
  return 100.0 * weighted_sum(scores, weights, kElement) / total_weight(scores, weights);
}

// The mean over classes that are labelled or predicted of 2 TP / (2 TP + FP + FN), in percent.
double macro_f1(std::span<const SampleScore> scores, SampleWeights weights) {
  struct Counts {
    double right = 0.0;
    double labelled = 0.0;
    double predicted = 0.0;
  };
  std::map<int64_t, Counts> classes;
  for (size_t i = 0; i < scores.size(); ++i) {
    const double weight = weights.empty() ? 1.0 : static_cast<double>(weights[i]);
    if (weight == 0.0) {
      continue;
    }
    classes[static_cast<int64_t>(scores[i][kLabel])].labelled += weight;
    classes[static_cast<int64_t>(scores[i][kLabel])].right += weight * scores[i][kTop1];
    classes[static_cast<int64_t>(scores[i][kPredicted])].predicted += weight;
  }
  double sum = 0.0;
  for (const auto& [label, counts] : classes) {
    sum += 2.0 * counts.right / (counts.labelled + counts.predicted);
  }
  return classes.empty() ? std::numeric_limits<double>::quiet_NaN()
                         : 100.0 * sum / static_cast<double>(classes.size());
}

constexpr std::array<MetricRow, 3> kMetrics = {{
    {.name = "top1",
     .title = "top-1 accuracy",
     .unit = "%",
     .value = &percent_of<kTop1>,
     .proportion = static_cast<int>(kTop1)},
    {.name = "top5",
     .title = "top-5 accuracy",
     .unit = "%",
     .value = &percent_of<kTop5>,
     .proportion = static_cast<int>(kTop5)},
    {.name = "f1", .title = "F1 (mean over classes)", .unit = "%", .value = &macro_f1},
}};

}  // namespace

constinit const TaskRow kClassificationTask = {
    .name = "classification",
    .summary = "one class a sample: top1, top5, f1",
    .labels = LabelForm::kClass,
    .decisions = true,
    .make = [](const TaskOptions& options) -> std::unique_ptr<TaskJudge> {
      return std::make_unique<ClassificationJudge>(options);
    },
    .metrics = kMetrics};

}  // namespace ptq
