#pragma once
// Keeps ONNX Runtime from quantizing on its own what the plan left in float. Its
// WeightBiasQuantization rounds a float32 weight to one INT8 scale for the whole tensor when the
// Conv or Gemm reads a DequantizeLinear with a single scale and a QuantizeLinear follows. A
// DequantizeLinear with a scale for each channel, all equal, computes the same and is left alone.

#include "ptq/graph.h"

namespace ptq {

// Gives each such Conv and Gemm of the graph, and of the graphs inside its nodes, a
// DequantizeLinear of its own. `model` has opset 13 or later. Returns the number of nodes.
int64_t shield_float_products(Model& model);

}  // namespace ptq
