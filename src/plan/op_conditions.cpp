#include "plan/op_conditions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "plan/linear_gate.h"
#include "plan/op_rules.h"
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

// A Conv behind `value`, with nothing but element-wise operators and pools in between.
bool leads_to_conv(const GraphIndex& index, std::string_view value) {
  std::vector<std::string_view> open = {value};
  std::set<size_t> seen;
  while (!open.empty()) {
    const std::string_view one = open.back();
    open.pop_back();
    for (const GraphIndex::Use& use : index.uses(one)) {
      const Node& reader = index.graph().nodes[use.node];
      if (reader.is("Conv")) {
        return true;
      }
      const OpRule* rule = find_op_rule(reader);
      const bool keeps_layout = rule != nullptr && (rule->op_class == OpClass::kElementwise ||
                                                    rule->op_class == OpClass::kActivation ||
                                                    rule->op == "MaxPool" || rule->op == "Resize");
      if (keeps_layout && seen.insert(use.node).second) {
        open.insert(open.end(), reader.outputs.begin(), reader.outputs.end());
      }
    }
  }
  return false;
}

// ONNX Runtime runs its integer Conv channels-last and moves the transpositions around it outwards
// only where they meet others. They do behind a Conv, an Add or a Concat, but not behind a gate
// or another function of one value, unless a Conv follows (docs/benchmarks.md).
bool runs_channels_last(const Node& pool, const GraphIndex& index) {
  const Node* producer = index.producer(pool.input(0));
  const bool function =
      producer != nullptr &&
      (producer->is("HardSwish") || producer->is("HardSigmoid") || producer->is("Sigmoid") ||
       producer->is("LeakyRelu") || producer->is("Mul"));
  return !function || leads_to_conv(index, pool.outputs.at(0));
}

}  // namespace

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

bool accepts_norm(const Node& node, const GraphIndex& index, std::string& why) {
  if (!accepts_conv(node, index, why)) {
    return false;
  }
  if (node.outputs.size() > 1) {
    why = "it has outputs for training";
    return false;
  }
  return true;
}

bool accepts_gate(const Node& node, const GraphIndex& /*index*/, std::string& why) {
  if (!linear_gate(node)) {
    why = "its slope is not positive, or it is 0 or 1 at 0 already";
    return false;
  }
  return true;
}

bool accepts_elementwise(const Node& node, const GraphIndex& index, std::string& why) {
  constexpr float kMask = 1e4F;
  for (const std::string& input : node.inputs) {
    const Constant* constant = index.constant(input);
    if (constant == nullptr || constant->tensor.dtype() != DType::kFloat) {
      continue;
    }
    const std::span<const float> values = constant->tensor.data<float>();
    if (std::ranges::any_of(values, [](float v) { return !(std::abs(v) < kMask); })) {
      why =
          fmt::format("constant {} holds NaN or mask values; codes of its range hold nothing else",
                      printable(input));
      return false;
    }
  }
  return true;
}

bool pays(const Node& node, const GraphIndex& index, Engine engine, std::string& why) {
  if (engine == Engine::kOnnxRuntime && node.is("MatMul") &&
      index.constant(node.input(0)) == nullptr && index.constant(node.input(1)) == nullptr) {
    why = "a product of two activations: converting both would cost more than integers save";
    return false;
  }
  if (engine == Engine::kOnnxRuntime && node.is("MaxPool") && !runs_channels_last(node, index)) {
    why = "no Conv beside it: the integer MaxPool is slow in the layout that is left then";
    return false;
  }
  return true;
}

}  // namespace ptq
