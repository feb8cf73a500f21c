#pragma once
// Mean and power of the values that calibration does not observe, from one run on one sample:
// enough to weigh noise with, where a factor matters and a percent does not. Any thread.

#include <map>
#include <string>

#include "diagnose/linear_map.h"
#include "ptq/graph.h"
#include "ptq/tensor.h"

namespace ptq {

// Of the float values that nodes of the main graph make; only of its outputs (measured_outputs.h)
// where all would take more than 256 MiB or where shapes are open. `sized` has the shapes. Empty
// without a sample, and for models with graphs inside nodes: the runtime's shape inference refuses
// some of these when further values become outputs.
std::map<std::string, Moments> sample_moments(const Model& model, const GraphIndex& sized,
                                              const std::map<std::string, Tensor>& sample);

}  // namespace ptq
