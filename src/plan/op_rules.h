#pragma once
// What the target does with each operator: one row an operator. The rows state facts about ONNX
// Runtime's CPU kernels behind QuantizeLinear / DequantizeLinear; each has a test that loads a
// quantized model and finds the integer kernel. Immutable; any thread.

#include <span>
#include <string>
#include <string_view>

#include "graph/index.h"
#include "ptq/graph.h"

namespace ptq {

enum class OpClass {
  kCompute,      // Conv, MatMul, Gemm: where the work is; always worth integers
  kElementwise,  // Add, Mul, Concat, pools: integers only between integer neighbours
  kPassThrough,  // moves codes without looking at them; output shares the input's parameters
  kActivation,   // Relu, Clip: vanishes into the saturation of the QuantizeLinear behind it
  kWeightOnly,   // runs in float; its constant weight is stored as codes
};

struct OpRule {
  std::string_view op;
  OpClass op_class;
  // The integer kernel exists only when a QuantizeLinear follows (else the node runs in float).
  bool needs_output_codes;
  // Further conditions; false with the reason in `why`. May be null.
  bool (*accepts)(const Node& node, const GraphIndex& index, std::string& why);
};

std::span<const OpRule> op_rules();
// Rule of a node of the standard domain, or nullptr.
const OpRule* find_op_rule(const Node& node);

// Operand `slot` of a compute node that holds a constant weight, and the axis of its output
// channels (−1: per tensor only).
struct WeightSlot {
  size_t slot = 1;
  int64_t axis = -1;
  size_t bias_slot = 0;  // 0: the operator has none
};
WeightSlot weight_slot(const Node& node, const GraphIndex& index);

}  // namespace ptq
