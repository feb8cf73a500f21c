#include "validate/detections.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr std::array<int64_t, 3> kStrides = {8, 16, 32};

// Height and width of the image input [1,C,H,W] of the sample.
std::optional<std::pair<int64_t, int64_t>> image_size(const Sample& sample) {
  for (const auto& [name, tensor] : sample.inputs) {
    if (tensor.rank() == 4) {
      return std::pair(tensor.shape()[2], tensor.shape()[3]);
    }
  }
  return std::nullopt;
}

int64_t yolox_cells(const Sample& sample) {
  const auto size = image_size(sample);
  int64_t cells = 0;
  for (const int64_t stride : kStrides) {
    cells += size ? (size->first / stride) * (size->second / stride) : 0;
  }
  return cells;
}

const Tensor* yolox_output(const RunOutputs& outputs, const Sample& sample) {
  const int64_t cells = yolox_cells(sample);
  for (const NamedOutput& output : outputs) {
    const Tensor& tensor = *output.tensor;
    if (cells > 0 && tensor.rank() == 3 && tensor.shape()[0] == 1 && tensor.shape()[1] == cells &&
        tensor.shape()[2] >= 6) {
      return &tensor;
    }
  }
  return nullptr;
}

struct BoxOutputs {
  const Tensor* boxes = nullptr;   // [.., N, 4], or [.., N, 6] with score and class
  const Tensor* scores = nullptr;  // [.., N]
  const Tensor* labels = nullptr;
};

bool has_word(std::string_view name, std::string_view word) {
  return name.find(word) != std::string_view::npos;
}

bool is_float_type(DType dtype) {
  return dtype == DType::kFloat || dtype == DType::kFloat16 || dtype == DType::kDouble;
}

BoxOutputs box_outputs(const RunOutputs& outputs) {
  BoxOutputs found;
  for (const NamedOutput& output : outputs) {
    const Tensor& tensor = *output.tensor;
    if (found.boxes == nullptr && tensor.rank() >= 2 && is_float_type(tensor.dtype()) &&
        (tensor.shape().back() == 4 || tensor.shape().back() == 6)) {
      found.boxes = &tensor;
    }
  }
  if (found.boxes == nullptr || found.boxes->shape().back() == 6) {
    return found;
  }
  const int64_t count = found.boxes->size() / 4;
  for (const bool by_name : {true, false}) {
    for (const NamedOutput& output : outputs) {
      const Tensor& tensor = *output.tensor;
      if (&tensor == found.boxes || tensor.size() != count || tensor.rank() > 2) {
        continue;
      }
      const bool score = by_name ? has_word(output.name, "score") : is_float_type(tensor.dtype());
      const bool label = by_name ? has_word(output.name, "label") || has_word(output.name, "class")
                                 : !is_float_type(tensor.dtype());
      if (score && found.scores == nullptr && found.labels != &tensor) {
        found.scores = &tensor;
      } else if (label && found.labels == nullptr && found.scores != &tensor) {
        found.labels = &tensor;
      }
    }
  }
  return found;
}

std::vector<Detection> decode_yolox(const Tensor& output, const Sample& sample, double threshold) {
  const std::vector<float> values = to_floats(output);
  const auto width = static_cast<size_t>(output.shape()[2]);
  const auto size = *image_size(sample);
  std::vector<Detection> found;
  size_t cell = 0;
  for (const int64_t stride : kStrides) {
    for (int64_t y = 0; y < size.first / stride; ++y) {
      for (int64_t x = 0; x < size.second / stride; ++x, ++cell) {
        const float* const row = values.data() + cell * width;
        const auto best = static_cast<size_t>(std::max_element(row + 5, row + width) - (row + 5));
        const double score = static_cast<double>(row[4]) * static_cast<double>(row[5 + best]);
        if (!(score >= threshold)) {
          continue;
        }
        const auto step = static_cast<double>(stride);
        const double centre_x = (static_cast<double>(row[0]) + static_cast<double>(x)) * step;
        const double centre_y = (static_cast<double>(row[1]) + static_cast<double>(y)) * step;
        const double half_w = 0.5 * std::exp(static_cast<double>(row[2])) * step;
        const double half_h = 0.5 * std::exp(static_cast<double>(row[3])) * step;
        found.push_back({.box = {.x1 = centre_x - half_w,
                                 .y1 = centre_y - half_h,
                                 .x2 = centre_x + half_w,
                                 .y2 = centre_y + half_h},
                         .label = static_cast<int64_t>(best),
                         .score = score});
      }
    }
  }
  return found;
}

std::vector<Detection> decode_boxes(const BoxOutputs& outputs, double threshold) {
  const std::vector<float> boxes = to_floats(*outputs.boxes);
  const auto width = static_cast<size_t>(outputs.boxes->shape().back());
  std::vector<float> scores;
  std::vector<float> labels;
  if (outputs.scores != nullptr) {
    scores = to_floats(*outputs.scores);
  }
  if (outputs.labels != nullptr) {
    labels = to_floats(*outputs.labels);
  }
  std::vector<Detection> found;
  for (size_t i = 0; i < boxes.size() / width; ++i) {
    const float* const row = boxes.data() + i * width;
    const float score = width == 6 ? row[4] : scores[i];
    const float label = width == 6 ? row[5] : labels.empty() ? 0.0F : labels[i];
    if (static_cast<double>(score) >= threshold && label >= 0.0F && label < 1e9F) {
      found.push_back({.box = {.x1 = static_cast<double>(row[0]),
                               .y1 = static_cast<double>(row[1]),
                               .x2 = static_cast<double>(row[2]),
                               .y2 = static_cast<double>(row[3])},
                       .label = std::llround(label),
                       .score = static_cast<double>(score)});
    }
  }
  return found;
}

void sort_by_score(std::vector<Detection>& detections) {
  std::ranges::stable_sort(detections, std::greater<>(), &Detection::score);
}

// Of boxes of one class that overlap by more than `limit`, the one of highest score stays.
std::vector<Detection> suppress(const std::vector<Detection>& sorted, double limit, size_t most) {
  std::vector<Detection> kept;
  for (const Detection& next : sorted) {
    const bool covered = std::ranges::any_of(kept, [&](const Detection& other) {
      return other.label == next.label && overlap_of(other.box, next.box) > limit;
    });
    if (!covered) {
      kept.push_back(next);
    }
    if (kept.size() == most) {
      break;
    }
  }
  return kept;
}

}  // namespace

double overlap_of(const Box& a, const Box& b) {
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const double height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (!(width > 0.0 && height > 0.0)) {
    return 0.0;
  }
  const double both = width * height;
  const double all = (a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - both;
  return all > 0.0 ? both / all : 0.0;
}

std::string_view detection_form(const RunOutputs& outputs, const Sample& sample,
                                std::string_view wanted) {
  if (wanted != "boxes" && yolox_output(outputs, sample) != nullptr) {
    return "yolox";
  }
  const BoxOutputs found = box_outputs(outputs);
  const bool boxes =
      found.boxes != nullptr && (found.scores != nullptr || found.boxes->shape().back() == 6);
  if (wanted != "yolox" && boxes) {
    return "boxes";
  }
  std::string shapes;
  for (const NamedOutput& output : outputs) {
    shapes += fmt::format("{}{} {}", shapes.empty() ? "" : ", ", printable(output.name, 60),
                          shape_text(output.tensor->shape()));
  }
  throw Error(ErrorCode::kInput,
              fmt::format("task detection needs boxes [.., N, 4] with scores and classes [.., N], "
                          "one output [.., N, 6], or a YOLOX head [1, {}, 5 + classes]; found {} "
                          "(sample {}); use --evaluate for other heads",
                          yolox_cells(sample), shapes, printable(sample.origin)));
}

std::vector<Detection> read_detections(const RunOutputs& outputs, const Sample& sample,
                                       const TaskOptions& options, size_t most) {
  if (detection_form(outputs, sample, options.detections) == "boxes") {
    std::vector<Detection> found = decode_boxes(box_outputs(outputs), options.score_threshold);
    sort_by_score(found);
    found.resize(std::min(found.size(), most));
    return found;
  }
  std::vector<Detection> found =
      decode_yolox(*yolox_output(outputs, sample), sample, options.score_threshold);
  sort_by_score(found);
  return suppress(found, options.nms_iou, most);
}

}  // namespace ptq
