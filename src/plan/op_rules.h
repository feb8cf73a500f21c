#pragma once
// What each engine does with each operator: one row an operator, one column an engine. The column
// of ONNX Runtime states facts about its CPU kernels behind QuantizeLinear / DequantizeLinear, each
// with a test that finds the kernel in the optimized graph; that of OpenVINO is checked against its
// execution graph; the others follow the engines' documentation. Immutable; any thread.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "graph/index.h"
#include "ptq/graph.h"
#include "ptq/plan.h"

namespace ptq {

enum class OpClass : uint8_t {
  kCompute,      // Conv, MatMul, Gemm: where the work is; always worth integers
  kElementwise,  // Add, Mul, Concat, pools: integers only between integer neighbours
  kPassThrough,  // moves codes without looking at them; output shares the input's parameters
  kActivation,   // Relu, Clip: vanishes into the saturation of the QuantizeLinear behind it
};

// What an engine has for an operator.
enum class Kernel : uint8_t {
  kNone,        // no integer kernel, or none that pays
  kWeightOnly,  // runs in float; its constant weight is stored as codes
  kFloatOut,    // reads codes; the result is float, with a pair in front of integer readers only
  kEitherOut,   // the same, and neighbours may take the result as codes
  kCodesOut,    // exists only with a QuantizeLinear behind it
  kResidual,    // fused to the Conv that makes one operand in float; the other arrives as codes
};

// Operands that are read as codes, as a bit set; shapes, axes, bounds and biases are not.
using OperandSet = uint8_t;

struct OpRule {
  std::string_view op;
  OpClass op_class;
  OperandSet operands;
  std::array<Kernel, 4> kernels;  // by Engine
  // Further conditions; false with the reason in `why`. May be null.
  bool (*accepts)(const Node& node, const GraphIndex& index, std::string& why);

  Kernel kernel(Engine engine) const { return kernels[static_cast<size_t>(engine)]; }
  bool reads(size_t slot) const { return ((operands >> (slot < 7 ? slot : 7)) & 1U) != 0; }
};

std::span<const OpRule> op_rules();
// Rule of a node of the standard domain, or nullptr.
const OpRule* find_op_rule(const Node& node);

// The kernel in few words, for `ptq list targets`: "integer", "residual sum", "weight only", "-";
// for Relu and Clip whether codes absorb them.
std::string_view kernel_text(const OpRule& rule, const Target& target);

// Operand `slot` of a compute node that holds a constant weight, and the axis of its output
// channels (−1: per tensor only).
struct WeightSlot {
  size_t slot = 1;
  int64_t axis = -1;
  size_t bias_slot = 0;  // 0: the operator has none
};
WeightSlot weight_slot(const Node& node, const GraphIndex& index, const Target& target);

}  // namespace ptq
