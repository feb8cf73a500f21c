#pragma once
// One layer of a quantized file inside the FP32 model: what that layer alone costs the outputs.
// Pure; any thread.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "ptq/graph.h"

namespace ptq {

// A node of the prepared FP32 graph that the quantized file computes from codes.
struct CodedLayer {
  std::string name{};  // of the node, or of its first output: what --keep-float takes
  std::string op_type{};
  // Where its result can be compared: a value of FP32 and the value that stands for it in the file,
  // as its readers see it, behind its own codes; a Relu or Clip that the codes absorb is included.
  // "" for none.
  std::string fp32_value{};
  std::string file_value{};
  size_t position = 0;  // in the prepared graph
  size_t in_file = 0;   // position of its counterpart in the quantized graph
};

// In the order of the prepared graph. Nodes are matched by the values that they make, behind their
// own Q/DQ pair too, and by their names. Operators that only move codes are left out: they add no
// error of their own. Inner graphs are not looked at.
std::vector<CodedLayer> coded_layers(const Graph& prepared, const Graph& quantized);

// `prepared` with the codes of `quantized` (operands and constants of the node, through their
// QuantizeLinear and DequantizeLinear) at this layer alone.
Model with_one_layer(const Model& prepared, const Graph& quantized, const CodedLayer& layer);

}  // namespace ptq
