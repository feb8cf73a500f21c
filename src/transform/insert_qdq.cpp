#include "transform/insert_qdq.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "graph/edit.h"
#include "graph/index.h"
#include "graph/model_index.h"
#include "plan/linear_gate.h"
#include "plan/reduction_order.h"
#include "ptq/error.h"
#include "quant/weight_quantizer.h"
#include "transform/code_tensor.h"
#include "transform/expand_gate.h"
#include "transform/shield_float_products.h"

namespace ptq {
namespace {

// Rewrites one graph. `index` is that of the graph as planned, `graph` its copy, whose inner graphs
// may be rewritten already; `names` are those of the whole model.
class Inserter {
 public:
  Inserter(const GraphIndex& index, const QuantPlan& plan, Graph& graph, NameScope& names,
           InsertResult& result)
      : plan_(plan), index_(index), graph_(graph), names_(names), result_(result) {
    PTQ_CHECK(plan.decisions.size() == graph.nodes.size());
    before_.resize(graph.nodes.size());
    behind_.resize(graph.nodes.size());
  }

  void run() {
    for (const PlannedActivation& planned : plan_.activations) {
      params_[planned.value] = &planned.params;
    }
    for (const PlannedConstant& planned : plan_.constants) {
      insert_named(planned);
    }
    for (const PlannedActivation& planned : plan_.activations) {
      insert_pair(planned);
    }
    const std::set<std::string> gates = planned_gates();
    merge_nodes();
    expand_gates(graph(), gates, names_);
    remove_dead(graph());
  }

 private:
  Graph& graph() { return graph_; }

  std::string add_constant(std::string_view base, Tensor tensor) {
    std::string name = names_.unique(base);
    graph().initializers.push_back({.name = name, .tensor = std::move(tensor)});
    return name;
  }

  // Names of scale and zero point initializers; equal parameters of one value are made once.
  std::pair<std::string, std::string> add_params(const std::string& value,
                                                 const QuantParams& params) {
    const Shape shape =
        params.per_axis() ? Shape{static_cast<int64_t>(params.scale.size())} : Shape{};
    std::string scale =
        add_constant(value + "_scale", Tensor::from<float>(shape, std::span(params.scale)));
    std::string zero_point =
        add_constant(value + "_zero_point", code_tensor(params.dtype, shape, params.zero_point));
    return {std::move(scale), std::move(zero_point)};
  }

  Node make_node(std::string_view op, std::string_view base, std::vector<std::string> inputs,
                 std::string output, int64_t axis) {
    Node node{.name = names_.unique(fmt::format("{}_{}", base, op)), .op_type = std::string(op)};
    node.inputs = std::move(inputs);
    node.outputs = {std::move(output)};
    if (axis >= 0) {
      node.set_attribute("axis", axis);
    }
    return node;
  }

  // codes ─ DQ ─ value, once for equal requests (a weight shared by nodes that want the same).
  std::string add_dequantized(const std::string& constant, const Tensor& codes,
                              const QuantParams& params, size_t node) {
    for (const Dequantized& made : dequantized_) {
      if (made.constant == constant && made.params == params &&
          std::ranges::equal(made.codes.bytes(), codes.bytes())) {
        return made.value;
      }
    }
    const std::string name = add_constant(constant + "_quantized", codes);
    const auto [scale, zero_point] = add_params(constant, params);
    std::string value = names_.unique(constant + "_dequantized");
    before_[node].push_back(make_node("DequantizeLinear", constant, {name, scale, zero_point},
                                      value, params.per_axis() ? params.axis : -1));
    use_domain_for(params.dtype, before_[node].back());
    dequantized_.push_back({constant, params, codes, value});
    return value;
  }

  // Errors of the weight quantizers say what is wrong; here it is known where.
  void insert_named(const PlannedConstant& planned) {
    try {
      insert_constant(planned);
    } catch (Error& error) {
      error.add_context(fmt::format("weight {}", printable(planned.constant)));
      throw;
    }
  }

  void insert_constant(const PlannedConstant& planned) {
    const Constant* constant = index_.constant(planned.constant);
    PTQ_CHECK(constant != nullptr);
    Node& node = graph().nodes[planned.node];
    if (!planned.is_weight) {
      insert_operand(planned, *constant, node);
      return;
    }
    std::vector<float> floor;
    float activation_scale = 0.0F;
    if (!planned.bias.empty()) {
      activation_scale = params_.at(planned.activation)->scale.at(0);
      floor = bias_scale_floor(index_.constant(planned.bias)->tensor, activation_scale);
      if (planned.axis < 0 && !floor.empty()) {
        floor = {*std::ranges::max_element(floor)};
      }
    }
    const WeightOptions options = {.lowest_scale = std::move(floor),
                                   .order = reduction_order(node, constant->tensor.shape()),
                                   .pair_limited = planned.pair_limited,
                                   .mean_ratio = planned.mean_ratio};
    const QuantizedWeight weight =
        quantize_weight(constant->tensor, planned.scheme, planned.axis, options);
    result_.weights.push_back({.node = planned.node,
                               .slot = planned.slot,
                               .constant = planned.constant,
                               .codes = weight.codes,
                               .sqnr_db = weight.sqnr_db});
    const std::vector<float> scale = weight.params.scale;
    node.inputs[planned.slot] =
        add_dequantized(planned.constant, weight.codes, weight.params, planned.node);
    if (!planned.bias.empty()) {
      insert_bias(planned, scale, activation_scale, node);
    }
  }

  // One scale a channel, or one for all when the weight has one.
  void insert_bias(const PlannedConstant& planned, const std::vector<float>& weight_scale,
                   float activation_scale, Node& node) {
    std::vector<float> scale;
    for (const float of_weight : weight_scale) {
      scale.push_back(std::max(of_weight * activation_scale, std::numeric_limits<float>::min()));
    }
    const Tensor& bias = index_.constant(planned.bias)->tensor;
    const bool per_channel = planned.axis >= 0;
    const Shape shape = per_channel ? Shape{static_cast<int64_t>(scale.size())} : Shape{};
    const std::string scale_name =
        add_constant(planned.bias + "_scale", Tensor::from<float>(shape, std::span(scale)));
    if (!per_channel) {
      scale.assign(static_cast<size_t>(bias.size()), scale.at(0));
    }
    const std::string name =
        add_constant(planned.bias + "_quantized",
                     quantize_bias(bias, scale).reshaped({static_cast<int64_t>(scale.size())}));
    // The zero point of an INT32 DequantizeLinear is 0 and may be left out.
    const std::string value = names_.unique(planned.bias + "_dequantized");
    before_[planned.node].push_back(make_node("DequantizeLinear", planned.bias, {name, scale_name},
                                              value, per_channel ? 0 : -1));
    const size_t slot = 2;
    PTQ_CHECK(node.inputs.size() > slot);
    node.inputs[slot] = value;
  }

  // A constant operand of Add, Mul or Concat: asymmetric codes over its own range.
  void insert_operand(const PlannedConstant& planned, const Constant& constant, Node& node) {
    const std::vector<float> values = to_floats(constant.tensor);
    if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
      throw Error(
          ErrorCode::kInput,
          fmt::format("constant {} of node {} holds NaN or infinity; it cannot become codes, "
                      "keep the node in float with --keep-float",
                      printable(planned.constant), printable(node.name)));
    }
    const auto [lo, hi] = std::minmax_element(values.begin(), values.end());
    const QuantParams params =
        params_for_range(values.empty() ? 0.0F : *lo, values.empty() ? 0.0F : *hi, planned.scheme);
    std::vector<int32_t> codes;
    codes.reserve(values.size());
    for (const float value : values) {
      codes.push_back(
          quantize(value, params.scale[0], params.zero_point[0], code_range(planned.scheme)));
    }
    node.inputs[planned.slot] =
        add_dequantized(planned.constant, code_tensor(params.dtype, constant.tensor.shape(), codes),
                        params, planned.node);
  }

  void insert_pair(const PlannedActivation& planned) {
    ++result_.pairs;
    const size_t producer = index_.producer_position(planned.value);
    const std::string codes = names_.unique(planned.value + "_quantized");
    std::string source = planned.value;
    std::string target = names_.unique(planned.value + "_dequantized");
    if (planned.all_uses && index_.is_graph_output(planned.value)) {
      // The graph output keeps its name: the producer writes another one.
      PTQ_CHECK(producer != GraphIndex::npos);
      source = names_.unique(planned.value + "_raw");
      std::ranges::replace(graph().nodes[producer].outputs, planned.value, source);
      target = planned.value;
    }
    if (planned.all_uses) {
      if (target != planned.value) {
        replace_uses(graph(), planned.value, target);
      }
    } else {
      for (const GraphIndex::Use& use : index_.uses(planned.value)) {
        if (use.slot != GraphIndex::kCaptured && plan_.decisions[use.node].integer) {
          graph().nodes[use.node].inputs[use.slot] = target;
        }
      }
    }
    const auto [scale, zero_point] = add_params(planned.value, planned.params);
    std::vector<Node>& place = producer == GraphIndex::npos ? front_ : behind_[producer];
    place.push_back(
        make_node("QuantizeLinear", planned.value, {source, scale, zero_point}, codes, -1));
    use_domain_for(planned.params.dtype, place.back());
    place.push_back(
        make_node("DequantizeLinear", planned.value, {codes, scale, zero_point}, target, -1));
    use_domain_for(planned.params.dtype, place.back());
  }

  // First outputs of the nodes that ONNX Runtime computes as a gate on codes.
  std::set<std::string> planned_gates() {
    std::set<std::string> results;
    for (size_t i = 0; i < graph().nodes.size(); ++i) {
      if (plan_.target->engine == Engine::kOnnxRuntime && plan_.decisions[i].integer &&
          linear_gate(graph().nodes[i])) {
        results.insert(graph().nodes[i].outputs[0]);
      }
    }
    return results;
  }

  // The standard operators take 16-bit codes from opset 21 on; before that, those of the runtime's
  // own domain do.
  void use_domain_for(DType dtype, Node& node) {
    if (bit_width(dtype) == 16 && result_.model.opset() < 21) {
      node.domain = "com.microsoft";
      result_.model.set_opset(node.domain, 1);
    }
  }

  void merge_nodes() {
    std::vector<Node> merged = std::move(front_);
    for (size_t i = 0; i < graph().nodes.size(); ++i) {
      std::move(before_[i].begin(), before_[i].end(), std::back_inserter(merged));
      merged.push_back(std::move(graph().nodes[i]));
      std::move(behind_[i].begin(), behind_[i].end(), std::back_inserter(merged));
    }
    graph().nodes = std::move(merged);
  }

  struct Dequantized {
    std::string constant;
    QuantParams params;
    Tensor codes;  // a handle
    std::string value;
  };

  const QuantPlan& plan_;
  const GraphIndex& index_;  // of the caller's graph, which does not change
  Graph& graph_;
  NameScope& names_;
  InsertResult& result_;
  std::map<std::string, const QuantParams*> params_;
  std::vector<Dequantized> dequantized_;
  std::vector<Node> front_;
  std::vector<std::vector<Node>> before_;
  std::vector<std::vector<Node>> behind_;
};

}  // namespace

InsertResult insert_qdq(const Model& model, const QuantPlan& plan) {
  const auto has_axis = [](const QuantPlan& one) {
    return std::ranges::any_of(one.constants,
                               [](const PlannedConstant& planned) { return planned.axis >= 0; });
  };
  const bool per_axis = has_axis(plan) || std::ranges::any_of(plan.inner, has_axis);
  PTQ_CHECK(model.opset() >= (per_axis ? 13 : 10));
  InsertResult result{.model = model};
  result.model.graph = copy_graph(model.graph);
  const ModelIndex index(model.graph);
  const std::vector<Graph*> graphs = all_graphs(result.model.graph);
  PTQ_CHECK(index.size() == 1 + plan.inner.size());
  NameScope names(model.graph);
  // Inner graphs first: a value that both quantize then reaches them through the outer pair.
  for (size_t k = graphs.size(); k-- > 0;) {
    const size_t known = result.weights.size();
    Inserter(index[k], k == 0 ? plan : plan.inner[k - 1], *graphs[k], names, result).run();
    for (size_t i = known; i < result.weights.size(); ++i) {
      result.weights[i].graph = k;
    }
  }
  std::ranges::stable_sort(result.weights, {}, &WeightReport::graph);
  if (plan.target->engine == Engine::kOnnxRuntime && model.opset() >= 13) {
    shield_float_products(result.model);
  }
  return result;
}

}  // namespace ptq
