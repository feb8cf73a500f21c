// A class for every pixel: mean intersection over union.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "ptq/error.h"
#include "validate/task.h"

namespace ptq {
namespace {

// A score is [pixels that count, pixels that are right, then for each class: intersection, union].
enum : size_t { kPixels, kRight, kClasses };

bool is_class_map(const Tensor& tensor) {
  const bool scores = tensor.rank() == 4 && tensor.shape()[0] == 1 && tensor.shape()[1] > 1;
  const bool floats = tensor.dtype() == DType::kFloat || tensor.dtype() == DType::kFloat16 ||
                      tensor.dtype() == DType::kDouble;
  const bool map = tensor.rank() >= 3 && tensor.rank() <= 4 && !floats &&
                   tensor.size() == tensor.shape()[tensor.shape().size() - 1] *
                                        tensor.shape()[tensor.shape().size() - 2];
  return (scores && floats) || map;
}

struct ClassMap {
  std::vector<int64_t> classes{};  // by pixel
  int64_t count = 0;               // of classes; 0: as many as occur
  Shape size{};                    // [height, width]
};

// The largest of C planes of scores at each pixel, or the classes themselves.
ClassMap class_map(const Tensor& output) {
  const Shape& shape = output.shape();
  ClassMap map{.size = {shape[shape.size() - 2], shape.back()}};
  const auto pixels = static_cast<size_t>(map.size[0] * map.size[1]);
  if (static_cast<size_t>(output.size()) == pixels) {
    map.classes = to_int64s(output);
    return map;
  }
  const std::vector<float> scores = to_floats(output);
  map.count = shape[1];
  map.classes.assign(pixels, 0);
  std::vector<float> best(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(pixels));
  for (size_t c = 1; c < static_cast<size_t>(map.count); ++c) {
    for (size_t i = 0; i < pixels; ++i) {
      const float score = scores[c * pixels + i];
      if (score > best[i] || (std::isnan(best[i]) && !std::isnan(score))) {
        best[i] = score;
        map.classes[i] = static_cast<int64_t>(c);
      }
    }
  }
  return map;
}

constexpr int64_t kMostClasses = 65536;

SampleScore score_map(const ClassMap& map, const std::vector<int64_t>& labels, int64_t ignored,
                      const Sample& sample) {
  int64_t classes = map.count;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] != ignored) {
      classes = std::max({classes, labels[i] + 1, map.classes[i] + 1});
      if (labels[i] < 0 || map.classes[i] < 0 || classes > kMostClasses) {
        throw Error(
            ErrorCode::kInput,
            fmt::format("sample {}: class {} is labelled and class {} predicted at pixel "
                        "{}; expected classes from 0 to {}; give --ignore-label for pixels "
                        "that do not count",
                        printable(sample.origin), labels[i], map.classes[i], i, kMostClasses - 1));
      }
    }
  }
  SampleScore score(kClasses + 2 * static_cast<size_t>(classes), 0.0);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == ignored) {
      continue;
    }
    score[kPixels] += 1.0;
    const auto label = static_cast<size_t>(labels[i]);
    const auto found = static_cast<size_t>(map.classes[i]);
    if (label == found) {
      score[kRight] += 1.0;
      score[kClasses + 2 * label] += 1.0;
    } else {
      score[kClasses + 2 * found + 1] += 1.0;
    }
    score[kClasses + 2 * label + 1] += 1.0;
  }
  return score;
}

class SegmentationJudge : public TaskJudge {
 public:
  explicit SegmentationJudge(const TaskOptions& options)
      : output_(options.output), ignored_(options.ignore_label.value_or(255)) {}

  PairScore score(const RunOutputs& fp32, const RunOutputs& quantized,
                  const Sample& sample) const override {
    constexpr std::string_view kNeeded = "scores [1, classes, height, width] or a map of classes";
    const ClassMap before = class_map(task_output(fp32, output_, is_class_map, kNeeded, sample));
    const ClassMap after =
        class_map(task_output(quantized, output_, is_class_map, kNeeded, sample));
    const bool fits = sample.target && sample.target->rank() >= 2 &&
                      static_cast<size_t>(sample.target->size()) == before.classes.size() &&
                      sample.target->shape().back() == before.size[1];
    if (!fits) {
      throw Error(ErrorCode::kInput,
                  fmt::format("sample {}: expected labels of shape {}, a class for each pixel, "
                              "found {}",
                              printable(sample.origin), shape_text(before.size),
                              sample.target ? shape_text(sample.target->shape()) : "none"));
    }
    const std::vector<int64_t> labels = to_int64s(*sample.target);
    return {.fp32 = score_map(before, labels, ignored_, sample),
            .quantized = score_map(after, labels, ignored_, sample)};
  }

 private:
  std::string output_;
  int64_t ignored_;
};

// Mean over the classes that are labelled or predicted anywhere, in percent.
double mean_iou(std::span<const SampleScore> scores, SampleWeights weights) {
  std::vector<double> sums;
  for (size_t i = 0; i < scores.size(); ++i) {
    const double weight = weights.empty() ? 1.0 : static_cast<double>(weights[i]);
    sums.resize(std::max(sums.size(), scores[i].size()));
    for (size_t k = kClasses; k < scores[i].size(); ++k) {
      sums[k] += weight * scores[i][k];
    }
  }
  double total = 0.0;
  double classes = 0.0;
  for (size_t k = kClasses; k + 1 < sums.size(); k += 2) {
    if (sums[k + 1] > 0.0) {
      total += sums[k] / sums[k + 1];
      classes += 1.0;
    }
  }
  return classes > 0.0 ? 100.0 * total / classes : std::numeric_limits<double>::quiet_NaN();
}

double pixel_accuracy(std::span<const SampleScore> scores, SampleWeights weights) {
  return 100.0 * weighted_sum(scores, weights, kRight) / weighted_sum(scores, weights, kPixels);
}

constexpr std::array<MetricRow, 2> kMetrics = {{
    {.name = "miou", .title = "mean intersection over union", .unit = "%", .value = &mean_iou},
    {.name = "pixel_accuracy", .title = "pixel accuracy", .unit = "%", .value = &pixel_accuracy},
}};

}  // namespace

constinit const TaskRow kSegmentationTask = {
    .name = "segmentation",
    .summary = "a class for each pixel: miou, pixel_accuracy",
    .labels = LabelForm::kTensor,
    .make = [](const TaskOptions& options) -> std::unique_ptr<TaskJudge> {
      return std::make_unique<SegmentationJudge>(options);
    },
    .metrics = kMetrics};

}  // namespace ptq
