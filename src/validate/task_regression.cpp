// Numbers: the mean squared error against those of the labels.

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "ptq/error.h"
#include "validate/statistics.h"
#include "validate/task.h"

namespace ptq {
namespace {

// Elements of a score: sums over the values of the sample.
enum : size_t { kSquares, kAbsolutes, kCount };

bool is_any(const Tensor& tensor) {
  return tensor.size() > 0;
}

SampleScore score_values(const std::vector<float>& values, const std::vector<float>& wanted) {
  SampleScore score(3, 0.0);
  for (size_t i = 0; i < values.size(); ++i) {
    const double error = static_cast<double>(values[i]) - static_cast<double>(wanted[i]);
    score[kSquares] += error * error;
    score[kAbsolutes] += std::abs(error);
  }
  score[kCount] = static_cast<double>(values.size());
  return score;
}

class RegressionJudge : public TaskJudge {
 public:
  explicit RegressionJudge(const TaskOptions& options) : output_(options.output) {}

  PairScore score(const RunOutputs& fp32, const RunOutputs& quantized,
                  const Sample& sample) const override {
    if (!sample.target) {
      throw Error(ErrorCode::kInput, fmt::format("sample {} has no label, but regression needs one "
                                                 "of the output's size",
                                                 printable(sample.origin)));
    }
    const Tensor& before = task_output(fp32, output_, is_any, "an output of numbers", sample);
    const Tensor& after = task_output(quantized, output_, is_any, "an output of numbers", sample);
    if (before.size() != sample.target->size()) {
      throw Error(ErrorCode::kInput,
                  fmt::format("sample {}: the output has shape {}, the label {}; regression needs "
                              "as many numbers in a label as in the output",
                              printable(sample.origin), shape_text(before.shape()),
                              shape_text(sample.target->shape())));
    }
    const std::vector<float> wanted = to_floats(*sample.target);
    return {.fp32 = score_values(to_floats(before), wanted),
            .quantized = score_values(to_floats(after), wanted)};
  }

 private:
  std::string output_;
};

template <size_t kElement>
double mean_of(std::span<const SampleScore> scores, SampleWeights weights) {
  return weighted_sum(scores, weights, kElement) / weighted_sum(scores, weights, kCount);
}

double root_of_mean(std::span<const SampleScore> scores, SampleWeights weights) {
  return std::sqrt(mean_of<kSquares>(scores, weights));
}

constexpr std::array<MetricRow, 3> kMetrics = {{
    {.name = "mse",
     .title = "mean squared error",
     .unit = "",
     .higher_is_better = false,
     .value = &mean_of<kSquares>},
    {.name = "rmse",
     .title = "root mean squared error",
     .unit = "",
     .higher_is_better = false,
     .value = &root_of_mean},
    {.name = "mae",
     .title = "mean absolute error",
     .unit = "",
     .higher_is_better = false,
     .value = &mean_of<kAbsolutes>},
}};

}  // namespace

constinit const TaskRow kRegressionTask = {
    .name = "regression",
    .summary = "numbers of the output's size: mse, rmse, mae",
    .labels = LabelForm::kTensor,
    .make = [](const TaskOptions& options) -> std::unique_ptr<TaskJudge> {
      return std::make_unique<RegressionJudge>(options);
    },
    .metrics = kMetrics};

}  // namespace ptq
