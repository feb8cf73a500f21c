#include "plan/op_rules.h"

#include "plan/op_conditions.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr OperandSet kFirst = 0b1;
constexpr OperandSet kTwo = 0b11;
constexpr OperandSet kBranches = 0b110;
constexpr OperandSet kAll = 0xFF;

// Short names for the columns of the table.
constexpr Kernel kNo = Kernel::kNone;
constexpr Kernel kWeight = Kernel::kWeightOnly;
constexpr Kernel kFloat = Kernel::kFloatOut;
constexpr Kernel kEither = Kernel::kEitherOut;
constexpr Kernel kCodes = Kernel::kCodesOut;
constexpr Kernel kSum = Kernel::kResidual;

// QNN runs a node in integers only when all its operands and results are codes; Relu and Clip alone
// too. TensorRT fuses what stands behind a product and moves pairs through pass-through operators
// itself, so it wants them only in front of products and on residual operands. OpenVINO computes
// what it fuses behind a product in float for free, so Sigmoid and its like need no codes.
// ONNX Runtime has no integer HardSigmoid and HardSwish; transform/expand_gate writes them with
// kernels that it has.
constexpr std::array kRules = std::to_array<OpRule>({
    // operator, class, operands,              ONNX Runtime, OpenVINO, TensorRT, QNN
    {"Conv", OpClass::kCompute, kTwo, {kCodes, kEither, kFloat, kCodes}, accepts_conv},
    {"Gemm", OpClass::kCompute, kTwo, {kFloat, kFloat, kFloat, kCodes}, accepts_gemm},
    {"MatMul", OpClass::kCompute, kTwo, {kFloat, kFloat, kFloat, kCodes}, accepts_matmul},
    {"ConvTranspose", OpClass::kCompute, kTwo, {kWeight, kEither, kFloat, kCodes}, accepts_conv},
    {"LayerNormalization", OpClass::kCompute, kTwo, {kNo, kNo, kNo, kCodes}, accepts_norm},
    {"InstanceNormalization", OpClass::kCompute, kTwo, {kNo, kNo, kNo, kCodes}, accepts_norm},

    {"Add", OpClass::kElementwise, kTwo, {kCodes, kEither, kSum, kCodes}, accepts_elementwise},
    {"Mul", OpClass::kElementwise, kTwo, {kCodes, kNo, kNo, kCodes}, accepts_elementwise},
    {"Sub", OpClass::kElementwise, kTwo, {kNo, kNo, kNo, kCodes}, accepts_elementwise},
    {"Div", OpClass::kElementwise, kTwo, {kNo, kNo, kNo, kCodes}, accepts_elementwise},
    {"Concat", OpClass::kElementwise, kAll, {kCodes, kCodes, kNo, kCodes}, accepts_elementwise},
    {"Where", OpClass::kElementwise, kBranches, {kCodes, kNo, kNo, kCodes}, accepts_elementwise},
    {"PRelu", OpClass::kElementwise, kTwo, {kNo, kNo, kNo, kCodes}, accepts_elementwise},
    {"AveragePool", OpClass::kElementwise, kFirst, {kCodes, kCodes, kNo, kCodes}, nullptr},
    {"GlobalAveragePool", OpClass::kElementwise, kFirst, {kCodes, kCodes, kNo, kCodes}, nullptr},
    {"ReduceMean", OpClass::kElementwise, kFirst, {kNo, kNo, kNo, kCodes}, nullptr},
    {"LeakyRelu", OpClass::kElementwise, kFirst, {kCodes, kNo, kNo, kCodes}, nullptr},
    {"Sigmoid", OpClass::kElementwise, kFirst, {kCodes, kNo, kNo, kCodes}, nullptr},
    {"Softmax", OpClass::kElementwise, kFirst, {kNo, kNo, kNo, kCodes}, nullptr},
    {"HardSigmoid", OpClass::kElementwise, kFirst, {kCodes, kNo, kNo, kCodes}, accepts_gate},
    {"HardSwish", OpClass::kElementwise, kFirst, {kCodes, kNo, kNo, kCodes}, nullptr},
    {"Tanh", OpClass::kElementwise, kFirst, {kNo, kNo, kNo, kCodes}, nullptr},
    {"Elu", OpClass::kElementwise, kFirst, {kNo, kNo, kNo, kCodes}, nullptr},
    {"Gelu", OpClass::kElementwise, kFirst, {kNo, kNo, kNo, kCodes}, nullptr},

    {"MaxPool", OpClass::kPassThrough, kFirst, {kCodes, kCodes, kNo, kCodes}, accepts_max_pool},
    {"Reshape", OpClass::kPassThrough, kFirst, {kCodes, kCodes, kNo, kCodes}, nullptr},
    {"Flatten", OpClass::kPassThrough, kFirst, {kCodes, kCodes, kNo, kCodes}, nullptr},
    {"Transpose", OpClass::kPassThrough, kFirst, {kCodes, kCodes, kNo, kCodes}, nullptr},
    {"Squeeze", OpClass::kPassThrough, kFirst, {kCodes, kCodes, kNo, kCodes}, nullptr},
    {"Unsqueeze", OpClass::kPassThrough, kFirst, {kCodes, kCodes, kNo, kCodes}, nullptr},
    {"Slice", OpClass::kPassThrough, kFirst, {kCodes, kCodes, kNo, kCodes}, nullptr},
    {"Gather", OpClass::kPassThrough, kFirst, {kCodes, kCodes, kNo, kCodes}, nullptr},
    {"Split", OpClass::kPassThrough, kFirst, {kCodes, kCodes, kNo, kCodes}, nullptr},
    {"DepthToSpace", OpClass::kPassThrough, kFirst, {kCodes, kCodes, kNo, kCodes}, nullptr},
    {"Tile", OpClass::kPassThrough, kFirst, {kCodes, kNo, kNo, kCodes}, nullptr},
    {"Expand", OpClass::kPassThrough, kFirst, {kCodes, kNo, kNo, kCodes}, nullptr},
    {"ReduceMax", OpClass::kPassThrough, kFirst, {kCodes, kNo, kNo, kCodes}, nullptr},
    {"ReduceMin", OpClass::kPassThrough, kFirst, {kCodes, kNo, kNo, kCodes}, nullptr},
    {"GatherElements", OpClass::kPassThrough, kFirst, {kCodes, kNo, kNo, kCodes}, nullptr},
    {"Resize", OpClass::kPassThrough, kFirst, {kCodes, kCodes, kNo, kCodes}, accepts_resize},

    {"Relu", OpClass::kActivation, kFirst, {kNo, kNo, kNo, kCodes}, nullptr},
    {"Clip", OpClass::kActivation, kFirst, {kNo, kNo, kNo, kCodes}, accepts_clip},
});

// QNN takes one scale a channel for convolutions only.
int64_t matrix_axis(int64_t axis, const Target& target) {
  return target.engine == Engine::kQnn ? -1 : axis;
}

}  // namespace

std::span<const OpRule> op_rules() {
  return kRules;
}

const OpRule* find_op_rule(const Node& node) {
  if (!node.domain.empty()) {
    return nullptr;
  }
  for (const OpRule& rule : kRules) {
    if (rule.op == node.op_type) {
      return &rule;
    }
  }
  return nullptr;
}

std::string_view kernel_text(const OpRule& rule, const Target& target) {
  const bool absorbs = rule.op_class == OpClass::kActivation && !target.activation.symmetric;
  switch (rule.kernel(target.engine)) {
    case Kernel::kNone:
      return absorbs ? "absorbed" : "-";
    case Kernel::kWeightOnly:
      return "weight only";
    case Kernel::kResidual:
      return "residual sum";
    case Kernel::kFloatOut:
    case Kernel::kEitherOut:
    case Kernel::kCodesOut:
      return "integer";
  }
  PTQ_CHECK(false);
}

WeightSlot weight_slot(const Node& node, const GraphIndex& index, const Target& target) {
  if (node.op_type == "Conv") {
    return {.slot = 1, .axis = 0, .bias_slot = 2};
  }
  if (node.op_type == "ConvTranspose") {
    // [C, M/group, …]: the output channels of one group lie along axis 1 and repeat for each group.
    return {.slot = 1, .axis = node.int_attribute("group", 1) == 1 ? 1 : -1, .bias_slot = 2};
  }
  if (node.op_type == "Gemm") {
    const int64_t axis = node.int_attribute("transB", 0) != 0 ? 0 : 1;
    return {.slot = 1, .axis = matrix_axis(axis, target), .bias_slot = 2};
  }
  if (node.op_type == "LayerNormalization" || node.op_type == "InstanceNormalization") {
    return {.slot = 1, .axis = -1, .bias_slot = 2};
  }
  const Constant* weight = index.fixed_constant(node.input(1));
  const bool matrix = weight != nullptr && weight->tensor.rank() == 2;
  return {.slot = 1, .axis = matrix ? matrix_axis(1, target) : -1, .bias_slot = 0};
}

}  // namespace ptq
