#pragma once
// Where the error of a model is measured. Pure; any thread.

#include "ptq/graph.h"

namespace ptq {

// A copy of `model` (same nodes at the same positions) whose outputs are those that an error shows
// in evenly: the input of a closing Softmax, LogSoftmax or Sigmoid instead of its output, which
// hides errors where it saturates and exaggerates them where a decision is close.
Model with_measured_outputs(const Model& model);

}  // namespace ptq
