#include "transform/expand_gate.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "graph/index.h"
#include "plan/linear_gate.h"
#include "ptq/quant_params.h"
#include "transform/code_tensor.h"

namespace ptq {
namespace {

// The offset of a gate may be this part of a step of x away from where it belongs.
constexpr float kMaxOffset = 0.02F;

// Per-tensor parameters of a QuantizeLinear or DequantizeLinear of the standard domain.
std::optional<QuantParams> params_of(const GraphIndex& index, const Node& node) {
  const Constant* scale = index.fixed_constant(node.input(1));
  const Constant* zero_point = index.fixed_constant(node.input(2));
  if (scale == nullptr || zero_point == nullptr || scale->tensor.size() != 1 ||
      zero_point->tensor.size() != 1 || bit_width(zero_point->tensor.dtype()) != 8) {
    return std::nullopt;
  }
  return QuantParams{.dtype = zero_point->tensor.dtype(),
                     .scale = {to_floats(scale->tensor)[0]},
                     .zero_point = {static_cast<int32_t>(to_int64s(zero_point->tensor)[0])}};
}

// Parameters with which the codes of x are alpha · x + beta.
std::optional<QuantParams> shifted(const QuantParams& params, const LinearGate& gate) {
  const float steps = gate.zero_below() / params.scale[0];
  const float whole = std::nearbyint(steps);
  const CodeRange codes = code_range({.dtype = params.dtype});
  QuantParams out = params;
  out.scale[0] *= gate.alpha;
  if (std::abs(steps - whole) > kMaxOffset || !std::isnormal(out.scale[0]) ||
      static_cast<float>(params.zero_point[0] - codes.lo) < whole) {
    return std::nullopt;
  }
  out.zero_point[0] -= static_cast<int32_t>(whole);
  return out;
}

class GateExpander {
 public:
  GateExpander(Graph& graph, NameScope& names) : graph_(graph), index_(graph), names_(names) {}

  size_t run(const std::set<std::string>& results) {
    size_t count = 0;
    std::vector<Node> nodes;
    for (const Node& node : graph_.nodes) {
      const std::optional<LinearGate> gate =
          !node.outputs.empty() && results.contains(node.outputs[0]) ? linear_gate(node)
                                                                     : std::nullopt;
      if (gate && expand(node, *gate, nodes)) {
        ++count;
      } else {
        nodes.push_back(node);
      }
    }
    graph_.nodes = std::move(nodes);
    for (Constant& constant : constants_) {
      graph_.initializers.push_back(std::move(constant));
    }
    return count;
  }

 private:
  bool expand(const Node& node, const LinearGate& gate, std::vector<Node>& out) {
    const Node* source = index_.producer(node.input(0));
    if (source == nullptr || !source->is("DequantizeLinear")) {
      return false;
    }
    const std::optional<QuantParams> read = params_of(index_, *source);
    const std::optional<QuantParams> line = read ? shifted(*read, gate) : std::nullopt;
    if (!line || (node.is("HardSigmoid") && !ends_at_one(node.outputs[0]))) {
      return false;
    }
    if (node.is("HardSigmoid")) {
      add_hard_sigmoid(node, source->inputs[0], *line, out);
    } else {
      add_hard_swish(node, source->inputs[0], *line, out);
    }
    return true;
  }

  void add_hard_sigmoid(const Node& node, const std::string& codes, const QuantParams& line,
                        std::vector<Node>& out) {
    const std::string base = node.outputs[0] + "_gate";
    const auto [scale, zero_point] = add_params(base, line);
    const std::string linear = names_.unique(base + "_linear");
    out.push_back(make_node("DequantizeLinear", base, {codes, scale, zero_point}, linear));
    out.push_back(node);
    out.back().op_type = "LeakyRelu";
    out.back().inputs = {linear};
    out.back().erase_attribute("beta");
    out.back().set_attribute("alpha", 0.0F);
  }

  void add_hard_swish(const Node& node, const std::string& codes, const QuantParams& line,
                      std::vector<Node>& out) {
    const std::string base = node.outputs[0] + "_gate";
    const auto [scale, zero_point] = add_params(base, line);
    const int32_t zero = line.zero_point[0];
    const double one = zero + std::nearbyint(1.0 / static_cast<double>(line.scale[0]));
    const double last = code_range({.dtype = line.dtype}).hi;
    const std::string lo = add_code(base + "_lo", line.dtype, zero);
    const std::string hi =
        add_code(base + "_hi", line.dtype, static_cast<int32_t>(std::min(one, last)));
    const std::string cut = names_.unique(base + "_quantized");
    const std::string gate = names_.unique(base + "_dequantized");
    out.push_back(make_node("Clip", base, {codes, lo, hi}, cut));
    out.push_back(make_node("DequantizeLinear", base, {cut, scale, zero_point}, gate));
    out.push_back(node);
    out.back().op_type = "Mul";
    out.back().inputs = {node.inputs[0], gate};
  }

  // The codes that cut the gate at 1 must be there, and must not reach further.
  bool ends_at_one(std::string_view value) const {
    const Node* target = index_.only_consumer(value);
    if (target == nullptr || !target->is("QuantizeLinear")) {
      return false;
    }
    const std::optional<QuantParams> params = params_of(index_, *target);
    return params && dequantize(code_range({.dtype = params->dtype}).hi, params->scale[0],
                                params->zero_point[0]) <= 1.0F;
  }

  std::string add_code(const std::string& base, DType dtype, int32_t code) {
    std::string name = names_.unique(base);
    constants_.push_back({.name = name, .tensor = code_tensor(dtype, {}, std::span(&code, 1))});
    return name;
  }

  std::pair<std::string, std::string> add_params(const std::string& base,
                                                 const QuantParams& params) {
    const std::string scale = names_.unique(base + "_scale");
    constants_.push_back({.name = scale, .tensor = Tensor::scalar(params.scale[0])});
    return {scale, add_code(base + "_zero_point", params.dtype, params.zero_point[0])};
  }

  Node make_node(std::string_view op, const std::string& base, std::vector<std::string> inputs,
                 std::string output) {
    return {.name = names_.unique(base + "_" + std::string(op)),
            .op_type = std::string(op),
            .inputs = std::move(inputs),
            .outputs = {std::move(output)}};
  }

  Graph& graph_;
  GraphIndex index_;  // of the graph before any edit, which comes at the end
  NameScope& names_;
  std::vector<Constant> constants_;
};

}  // namespace

size_t expand_gates(Graph& graph, const std::set<std::string>& results, NameScope& names) {
  return results.empty() ? 0 : GateExpander(graph, names).run(results);
}

}  // namespace ptq
