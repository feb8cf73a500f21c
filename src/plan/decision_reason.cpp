#include "plan/decision_reason.h"

namespace ptq {

std::string integer_reason(const NodeStructure& entry, const Target& target) {
  if (entry.rule->op_class == OpClass::kCompute) {
    return "integer kernel for the product";
  }
  if (entry.kernel == Kernel::kResidual) {
    return "fused to the Conv before it; the other operand arrives as codes";
  }
  return target.engine == Engine::kQnn
             ? "the target runs a node in integers when all its values are codes"
             : "codes arrive and are needed behind it";
}

std::string float_reason(const NodeStructure& entry, const Target& target) {
  if (entry.kernel == Kernel::kWeightOnly) {
    return "the target computes it in float; the weight is stored as codes";
  }
  if (entry.kernel == Kernel::kResidual) {
    return "no Conv alone before it that the target could fuse the sum to";
  }
  if (target.engine == Engine::kQnn) {
    return "its operands are constants or not known to be float32";
  }
  if (entry.rule->op_class == OpClass::kActivation) {
    return target.activation.symmetric
               ? "symmetric codes cannot absorb it; the target fuses it with the node before it"
               : "no integer kernel alone; no integer node before it";
  }
  return "no integer neighbours on both sides: converting would cost more than it saves";
}

Decision decide(const Node& node, size_t position, const NodeStructure& entry) {
  return {.node = position,
          .label = !node.name.empty() ? node.name : (node.outputs.empty() ? "" : node.outputs[0]),
          .op_type = node.op_type,
          .integer = entry.integer,
          .weight_only = entry.kernel == Kernel::kWeightOnly,
          .reason = entry.reason};
}

}  // namespace ptq
