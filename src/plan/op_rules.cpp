#include "plan/op_rules.h"

#include <array>
#include <limits>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

bool has_float_operands(const Node& node, const GraphIndex& index, std::string& why) {
  for (size_t slot = 0; slot < std::min<size_t>(2, node.inputs.size()); ++slot) {
    const DType dtype = index.dtype(node.inputs[slot]);
    if (dtype != DType::kFloat) {
      why = fmt::format("operand {} is {}, expected float32", printable(node.inputs[slot]),
                        dtype == DType::kUndefined ? "of unknown type" : dtype_name(dtype));
      return false;
    }
  }
  return true;
}

bool accepts_conv(const Node& node, const GraphIndex& index, std::string& why) {
  if (!has_float_operands(node, index, why)) {
    return false;
  }
  if (index.fixed_constant(node.input(1)) == nullptr) {
    why = "the weight is not a constant";
    return false;
  }
  if (!node.input(2).empty() && index.fixed_constant(node.input(2)) == nullptr) {
    why = "the bias is not a constant";
    return false;
  }
  return true;
}

bool accepts_gemm(const Node& node, const GraphIndex& index, std::string& why) {
  if (!accepts_conv(node, index, why)) {
    return false;
  }
  if (node.float_attribute("alpha", 1.0F) != 1.0F || node.float_attribute("beta", 1.0F) != 1.0F ||
      node.int_attribute("transA", 0) != 0) {
    why = "the runtime has an integer Gemm only for alpha = beta = 1 and transA = 0";
    return false;
  }
  return true;
}

bool accepts_matmul(const Node& node, const GraphIndex& index, std::string& why) {
  if (!has_float_operands(node, index, why)) {
    return false;
  }
  for (size_t slot = 0; slot < 2; ++slot) {
    const Shape* shape = index.shape(node.input(slot));
    if (shape != nullptr && shape->size() < 2) {
      why = "an operand is a vector; the integer MatMul wants matrices";
      return false;
    }
  }
  return true;
}

bool accepts_resize(const Node& node, const GraphIndex& /*index*/, std::string& why) {
  if (node.string_attribute("mode", "nearest") != "nearest") {
    why = "only nearest-neighbour Resize moves codes; other modes run in float";
    return false;
  }
  return true;
}

bool accepts_max_pool(const Node& node, const GraphIndex& /*index*/, std::string& why) {
  if (node.outputs.size() > 1 && !node.outputs[1].empty()) {
    why = "MaxPool with indices runs in float";
    return false;
  }
  return true;
}

bool accepts_clip(const Node& node, const GraphIndex& index, std::string& why) {
  // A bound that hides 0 cannot be a saturation bound, since 0 is always representable.
  const std::array<double, 2> fallback = {-std::numeric_limits<double>::infinity(),
                                          std::numeric_limits<double>::infinity()};
  for (size_t slot = 1; slot <= 2; ++slot) {
    double bound = fallback[slot - 1];
    if (!node.input(slot).empty()) {
      const Constant* constant = index.fixed_constant(node.input(slot));
      if (constant == nullptr || constant->tensor.size() != 1) {
        why = "a bound of Clip is not a constant";
        return false;
      }
      bound = static_cast<double>(to_floats(constant->tensor)[0]);
    }
    if (slot == 1 ? bound > 0.0 : bound < 0.0) {
      why = "the bounds of Clip leave out 0";
      return false;
    }
  }
  return true;
}

constexpr std::array<OpRule, 24> kRules = {{
    {"Conv", OpClass::kCompute, true, accepts_conv},
    {"Gemm", OpClass::kCompute, false, accepts_gemm},
    {"MatMul", OpClass::kCompute, false, accepts_matmul},
    {"ConvTranspose", OpClass::kWeightOnly, false, accepts_conv},
    {"Add", OpClass::kElementwise, true, nullptr},
    {"Mul", OpClass::kElementwise, true, nullptr},
    {"Concat", OpClass::kElementwise, true, nullptr},
    {"AveragePool", OpClass::kElementwise, true, nullptr},
    {"GlobalAveragePool", OpClass::kElementwise, true, nullptr},
    {"LeakyRelu", OpClass::kElementwise, true, nullptr},
    {"Sigmoid", OpClass::kElementwise, true, nullptr},
    {"MaxPool", OpClass::kPassThrough, true, accepts_max_pool},
    {"Reshape", OpClass::kPassThrough, true, nullptr},
    {"Flatten", OpClass::kPassThrough, true, nullptr},
    {"Transpose", OpClass::kPassThrough, true, nullptr},
    {"Squeeze", OpClass::kPassThrough, true, nullptr},
    {"Unsqueeze", OpClass::kPassThrough, true, nullptr},
    {"Slice", OpClass::kPassThrough, true, nullptr},
    {"Gather", OpClass::kPassThrough, true, nullptr},
    {"Split", OpClass::kPassThrough, true, nullptr},
    {"DepthToSpace", OpClass::kPassThrough, true, nullptr},
    {"Resize", OpClass::kPassThrough, true, accepts_resize},
    {"Relu", OpClass::kActivation, false, nullptr},
    {"Clip", OpClass::kActivation, false, accepts_clip},
}};

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

WeightSlot weight_slot(const Node& node, const GraphIndex& index) {
  if (node.op_type == "Conv") {
    return {.slot = 1, .axis = 0, .bias_slot = 2};
  }
  if (node.op_type == "ConvTranspose") {
    // [C, M/group, …]: the output channels of one group lie along axis 1 and repeat for each group.
    return {.slot = 1, .axis = node.int_attribute("group", 1) == 1 ? 1 : -1, .bias_slot = 0};
  }
  if (node.op_type == "Gemm") {
    return {.slot = 1, .axis = node.int_attribute("transB", 0) != 0 ? 0 : 1, .bias_slot = 2};
  }
  const Constant* weight = index.fixed_constant(node.input(1));
  const bool matrix = weight != nullptr && weight->tensor.rank() == 2;
  return {.slot = 1, .axis = matrix ? 1 : -1, .bias_slot = 0};
}

}  // namespace ptq
