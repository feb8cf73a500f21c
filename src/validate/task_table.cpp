#include <array>

#include <fmt/format.h>

#include "core/nearest_name.h"
#include "ptq/error.h"
#include "validate/task.h"

namespace ptq {
namespace {

template <typename Row>
size_t find_row(std::span<const Row> rows, std::string_view name, std::string_view what) {
  std::string names;
  std::vector<std::string> known;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].name == name) {
      return i;
    }
    known.emplace_back(rows[i].name);
    names += (i == 0 ? "" : ", ") + known.back();
  }
  const std::string hint = nearest_name(std::string(name), known);
  throw Error(ErrorCode::kUsage,
              fmt::format("there is no {} '{}'{}; there are {}", what, printable(name, 60),
                          hint.empty() ? "" : ", did you mean " + hint + "?", names));
}

}  // namespace

std::span<const TaskRow> tasks() {
  static const std::array<TaskRow, 5> kTasks = {kClassificationTask, kRegressionTask, kLanguageTask,
                                                kDetectionTask, kSegmentationTask};
  return kTasks;
}

const TaskRow& find_task(std::string_view name) {
  return tasks()[find_row(tasks(), name, "task")];
}

size_t find_metric(const TaskRow& task, std::string_view name) {
  return name.empty() ? 0
                      : find_row(task.metrics, name, fmt::format("metric of task {}", task.name));
}

const Tensor& task_output(const RunOutputs& outputs, const std::string& wanted,
                          bool (*fits)(const Tensor&), std::string_view needed,
                          const Sample& sample) {
  std::string found;
  for (const NamedOutput& output : outputs) {
    const bool right_name = wanted.empty() || output.name == wanted;
    if (right_name && fits(*output.tensor)) {
      return *output.tensor;
    }
    found += fmt::format("{}{} {}{}", found.empty() ? "" : ", ", printable(output.name, 60),
                         dtype_name(output.tensor->dtype()), shape_text(output.tensor->shape()));
  }
  throw Error(ErrorCode::kInput,
              fmt::format("the task needs {}{}, found {} (sample {}); choose an output with "
                          "--task-output or another --task",
                          needed, wanted.empty() ? "" : " in output " + printable(wanted, 60),
                          found, printable(sample.origin)));
}

double weighted_sum(std::span<const SampleScore> scores, SampleWeights weights, size_t k) {
  double sum = 0.0;
  for (size_t i = 0; i < scores.size(); ++i) {
    sum += weights.empty() ? scores[i][k] : scores[i][k] * static_cast<double>(weights[i]);
  }
  return sum;
}

}  // namespace ptq
