#pragma once
// Boxes with class and score, read off the outputs of a detector. Pure functions; any thread.

#include <cstdint>
#include <string_view>
#include <vector>

#include "validate/task.h"

namespace ptq {

struct Box {
  double x1 = 0.0;  // in pixels of the model's input, x2 > x1
  double y1 = 0.0;
  double x2 = 0.0;
  double y2 = 0.0;
};

struct Detection {
  Box box{};
  int64_t label = 0;
  double score = 0.0;
};

// Intersection over union; 0 for boxes without area.
double overlap_of(const Box& a, const Box& b);

// "yolox": one output [1, cells, 5 + classes] of strides 8, 16 and 32, with centres relative to the
//   cell, logarithms of sizes, and scores after their sigmoid; the best class of each cell, then
//   suppression by class.
// "boxes": boxes [.., N, 4] as corners with scores [.., N] and, unless there is one class, classes
//   [.., N], found by their names or shapes; or one output [.., N, 6] of corners, score and class.
// "" chooses what fits. Returns the word.
std::string_view detection_form(const RunOutputs& outputs, const Sample& sample,
                                std::string_view wanted);

// In descending order of scores, at most `most`.
std::vector<Detection> read_detections(const RunOutputs& outputs, const Sample& sample,
                                       const TaskOptions& options, size_t most);

}  // namespace ptq
