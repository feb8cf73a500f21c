// Boxes: average precision as COCO defines it (all areas, at most 100 detections an image,
// precision at 101 recalls, thresholds 0.50 to 0.95).

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "ptq/error.h"
#include "validate/detections.h"
#include "validate/task.h"

namespace ptq {
namespace {

constexpr size_t kMostDetections = 100;
constexpr size_t kThresholds = 10;

// A score is [detections, boxes that are labelled, for each detection: class, score, bits of the
// thresholds at which it is right, for each labelled box: class].
enum : size_t { kDetections, kTruths, kFirst };

struct TruthBox {
  Box box;
  int64_t label = 0;
};

// Rows of class, x1, y1, x2, y2; those with a negative class fill up.
std::vector<TruthBox> truth_of(const Sample& sample) {
  const bool fits = sample.target && sample.target->rank() == 2 && sample.target->shape()[1] == 5;
  if (!fits) {
    throw Error(ErrorCode::kInput,
                fmt::format("sample {}: expected labelled boxes of shape [boxes, 5] (class, x1, "
                            "y1, x2, y2), found {}",
                            printable(sample.origin),
                            sample.target ? shape_text(sample.target->shape()) : "none"));
  }
  const std::vector<float> values = to_floats(*sample.target);
  std::vector<TruthBox> boxes;
  for (size_t i = 0; i + 5 <= values.size(); i += 5) {
    if (values[i] >= 0.0F) {
      boxes.push_back({.box = {.x1 = static_cast<double>(values[i + 1]),
                               .y1 = static_cast<double>(values[i + 2]),
                               .x2 = static_cast<double>(values[i + 3]),
                               .y2 = static_cast<double>(values[i + 4])},
                       .label = std::llround(values[i])});
    }
  }
  return boxes;
}

// In order of score, each detection takes the labelled box of its class that it overlaps most and
// that is still free, if by at least the threshold.
SampleScore match(const std::vector<Detection>& found, const std::vector<TruthBox>& truth) {
  std::vector<uint32_t> taken(truth.size(), 0U);  // bits of thresholds
  SampleScore score = {static_cast<double>(found.size()), static_cast<double>(truth.size())};
  for (const Detection& detection : found) {
    uint32_t right = 0;
    for (size_t t = 0; t < kThresholds; ++t) {
      double best = 0.5 + 0.05 * static_cast<double>(t) - 1e-10;
      size_t chosen = truth.size();
      for (size_t k = 0; k < truth.size(); ++k) {
        if (truth[k].label != detection.label || (taken[k] >> t & 1U) != 0U) {
          continue;
        }
        const double overlap = overlap_of(detection.box, truth[k].box);
        if (overlap >= best) {
          best = overlap;
          chosen = k;
        }
      }
      if (chosen < truth.size()) {
        taken[chosen] |= 1U << t;
        right |= 1U << t;
      }
    }
    score.insert(score.end(), {static_cast<double>(detection.label), detection.score,
                               static_cast<double>(right)});
  }
  for (const TruthBox& box : truth) {
    score.push_back(static_cast<double>(box.label));
  }
  return score;
}

class DetectionJudge : public TaskJudge {
 public:
  explicit DetectionJudge(const TaskOptions& options) : options_(options) {}

  PairScore score(const RunOutputs& fp32, const RunOutputs& quantized,
                  const Sample& sample) const override {
    const std::vector<TruthBox> truth = truth_of(sample);
    form_ = detection_form(fp32, sample, options_.detections).data();
    return {
        .fp32 = match(read_detections(fp32, sample, options_, kMostDetections), truth),
        .quantized = match(read_detections(quantized, sample, options_, kMostDetections), truth)};
  }

  std::string form() const override {
    const char* const form = form_;
    return form == nullptr ? std::string() : form;
  }

 private:
  TaskOptions options_;
  mutable std::atomic<const char*> form_ = nullptr;  // one of the words of detection_form
};

struct Candidate {
  double score = 0.0;
  uint32_t right = 0;
  uint32_t sample = 0;
};

struct ClassCandidates {
  std::vector<Candidate> found;    // best score first
  std::vector<uint32_t> labelled;  // sample of each labelled box
};

std::map<int64_t, ClassCandidates> by_class(std::span<const SampleScore> scores) {
  std::map<int64_t, ClassCandidates> classes;
  for (size_t i = 0; i < scores.size(); ++i) {
    const SampleScore& score = scores[i];
    size_t k = kFirst;
    for (size_t d = 0; d < static_cast<size_t>(score[kDetections]); ++d, k += 3) {
      classes[static_cast<int64_t>(score[k])].found.push_back(
          {.score = score[k + 1],
           .right = static_cast<uint32_t>(score[k + 2]),
           .sample = static_cast<uint32_t>(i)});
    }
    for (size_t t = 0; t < static_cast<size_t>(score[kTruths]); ++t, ++k) {
      classes[static_cast<int64_t>(score[k])].labelled.push_back(static_cast<uint32_t>(i));
    }
  }
  for (auto& [label, candidates] : classes) {
    std::ranges::stable_sort(candidates.found, std::greater<>(), &Candidate::score);
  }
  return classes;
}

// Mean over 101 recalls of the best precision at that recall or beyond.
double average_precision(const ClassCandidates& candidates, SampleWeights weights, size_t threshold,
                         double labelled) {
  std::vector<std::pair<double, double>> curve;  // recall, precision
  double right = 0.0;
  double all = 0.0;
  for (const Candidate& candidate : candidates.found) {
    const double weight = weights.empty() ? 1.0 : static_cast<double>(weights[candidate.sample]);
    all += weight;
    if (weight > 0.0 && (candidate.right >> threshold & 1U) != 0U) {
      right += weight;
      curve.emplace_back(right / labelled, right / all);
    }
  }
  for (size_t i = curve.size(); i-- > 1;) {
    curve[i - 1].second = std::max(curve[i - 1].second, curve[i].second);
  }
  double sum = 0.0;
  size_t at = 0;
  for (int i = 0; i <= 100; ++i) {
    const double recall = static_cast<double>(i) / 100.0;
    while (at < curve.size() && curve[at].first < recall) {
      ++at;
    }
    sum += at < curve.size() ? curve[at].second : 0.0;
  }
  return sum / 101.0;
}

// Mean over the classes that are labelled and over the first `thresholds` of them, in percent.
template <size_t kUsed>
std::function<double(SampleWeights)> bind_precision(std::span<const SampleScore> scores) {
  return [classes = by_class(scores)](SampleWeights weights) {
    double sum = 0.0;
    double count = 0.0;
    for (const auto& [label, candidates] : classes) {
      double labelled = 0.0;
      for (const uint32_t sample : candidates.labelled) {
        labelled += weights.empty() ? 1.0 : static_cast<double>(weights[sample]);
      }
      if (labelled == 0.0) {
        continue;
      }
      for (size_t t = 0; t < kUsed; ++t) {
        sum += average_precision(candidates, weights, t, labelled);
        count += 1.0;
      }
    }
    return count > 0.0 ? 100.0 * sum / count : std::numeric_limits<double>::quiet_NaN();
  };
}

constexpr std::array<MetricRow, 2> kMetrics = {{
    {.name = "map", .title = "mAP 50:95", .unit = "%", .bind = &bind_precision<kThresholds>},
    {.name = "map50", .title = "mAP 50", .unit = "%", .bind = &bind_precision<1>},
}};

}  // namespace

constinit const TaskRow kDetectionTask = {
    .name = "detection",
    .summary = "boxes as COCO counts them: map, map50",
    .labels = LabelForm::kBoxes,
    .make = [](const TaskOptions& options) -> std::unique_ptr<TaskJudge> {
      return std::make_unique<DetectionJudge>(options);
    },
    .metrics = kMetrics};

}  // namespace ptq
