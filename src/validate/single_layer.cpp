#include "validate/single_layer.h"

#include <algorithm>
#include <map>
#include <utility>

#include "graph/edit.h"
#include "graph/index.h"
#include "plan/op_rules.h"

namespace ptq {
namespace {

bool is_pair_node(const Node& node) {
  return node.op_type == "QuantizeLinear" || node.op_type == "DequantizeLinear";
}

// What stands behind an operand: a DequantizeLinear of constants, or of a QuantizeLinear with
// constant parameters.
struct CodedOperand {
  const Node* dequantize = nullptr;
  const Node* quantize = nullptr;  // nullptr: the codes are an initializer
};

bool constants_from(const Node& node, size_t first, const GraphIndex& index) {
  for (size_t i = first; i < node.inputs.size(); ++i) {
    if (!node.inputs[i].empty() && index.constant(node.inputs[i]) == nullptr) {
      return false;
    }
  }
  return true;
}

std::optional<CodedOperand> coded_operand(const GraphIndex& file, std::string_view value) {
  const Node* dequantize = file.producer(value);
  if (dequantize == nullptr || dequantize->op_type != "DequantizeLinear" ||
      !constants_from(*dequantize, 1, file)) {
    return std::nullopt;
  }
  if (file.constant(dequantize->input(0)) != nullptr) {
    return CodedOperand{dequantize, nullptr};
  }
  const Node* quantize = file.producer(dequantize->input(0));
  if (quantize == nullptr || quantize->op_type != "QuantizeLinear" ||
      !constants_from(*quantize, 1, file)) {
    return std::nullopt;
  }
  return CodedOperand{dequantize, quantize};
}

// Nodes of the quantized file by the values that they make, their own pairs passed over, and by
// their names where these are unique.
class FileNodes {
 public:
  explicit FileNodes(const GraphIndex& file) {
    std::map<std::string_view, size_t> named;
    const std::vector<Node>& nodes = file.graph().nodes;
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (is_pair_node(nodes[i])) {
        continue;
      }
      ++named[nodes[i].name];
      by_name_[nodes[i].name] = i;
      for (std::string_view value : nodes[i].outputs) {
        by_value_.emplace(value, i);
        // y_raw ─ Q ─ DQ ─ y
        for (int hops = 0; hops < 2; ++hops) {
          const Node* next = file.only_consumer(value);
          if (next == nullptr || !is_pair_node(*next)) {
            break;
          }
          value = next->outputs.at(0);
          by_value_.emplace(value, i);
        }
      }
    }
    std::erase_if(by_name_, [&](const auto& entry) {
      return entry.first.empty() || named.at(entry.first) > 1;
    });
  }

  std::optional<size_t> find(const Node& prepared) const {
    const auto made = by_value_.find(prepared.outputs.at(0));
    if (made != by_value_.end()) {
      return made->second;
    }
    const auto named = by_name_.find(prepared.name);
    return named == by_name_.end() ? std::nullopt : std::optional(named->second);
  }

 private:
  std::map<std::string_view, size_t> by_value_;
  std::map<std::string_view, size_t> by_name_;
};

// Fills fp32_value and file_value.
void find_comparison(const Node& node, const Node& other, const GraphIndex& prepared,
                     const GraphIndex& file, CodedLayer& layer) {
  std::string value = other.outputs.at(0);
  for (int hops = 0; hops < 2; ++hops) {
    const Node* next = file.only_consumer(value);
    if (next == nullptr || !is_pair_node(*next)) {
      break;
    }
    value = next->outputs.at(0);
  }
  for (const std::string& name : {value, other.outputs[0], node.outputs[0]}) {
    if (prepared.producer(name) != nullptr) {
      layer.fp32_value = name;
      layer.file_value = value;
      return;
    }
  }
}

bool only_moves(const Node& node) {
  const OpRule* rule = find_op_rule(node);
  return rule != nullptr && rule->op_class == OpClass::kPassThrough;
}

bool reads_codes(const Node& node, const GraphIndex& file) {
  return std::ranges::any_of(node.inputs, [&](const std::string& input) {
    return !input.empty() && coded_operand(file, input).has_value();
  });
}

// Adds copies of Q/DQ nodes of the file to a graph.
class Transplant {
 public:
  explicit Transplant(Graph& graph) : graph_(graph), names_(graph) {}

  // The coded form of `operand` as the file has it.
  std::string code(const CodedOperand& coded, const std::string& operand, const GraphIndex& file) {
    if (coded.quantize == nullptr) {
      return copy(*coded.dequantize, constant(coded.dequantize->input(0), file), file);
    }
    return copy(*coded.dequantize, copy(*coded.quantize, operand, file), file);
  }

  std::vector<Node> take_nodes() { return std::move(nodes_); }

 private:
  std::string constant(std::string_view name, const GraphIndex& file) {
    Constant copy = *file.constant(name);
    copy.name = names_.unique(copy.name + "_layer");
    graph_.initializers.push_back(std::move(copy));
    return graph_.initializers.back().name;
  }

  std::string copy(const Node& node, std::string first, const GraphIndex& file) {
    Node made = node;
    made.name = names_.unique("layer_codes");
    made.inputs[0] = std::move(first);
    for (size_t i = 1; i < made.inputs.size(); ++i) {
      if (!made.inputs[i].empty()) {
        made.inputs[i] = constant(made.inputs[i], file);
      }
    }
    made.outputs = {names_.unique("layer_value")};
    nodes_.push_back(std::move(made));
    return nodes_.back().outputs[0];
  }

  Graph& graph_;
  NameScope names_;
  std::vector<Node> nodes_;
};

}  // namespace

std::vector<CodedLayer> coded_layers(const Graph& prepared, const Graph& quantized) {
  const GraphIndex before(prepared);
  const GraphIndex file(quantized);
  const FileNodes nodes(file);
  std::vector<CodedLayer> layers;
  for (size_t i = 0; i < prepared.nodes.size(); ++i) {
    const Node& node = prepared.nodes[i];
    if (node.outputs.empty() || only_moves(node)) {
      continue;
    }
    const std::optional<size_t> found = nodes.find(node);
    if (!found) {
      continue;
    }
    const Node& other = quantized.nodes[*found];
    if (other.op_type != node.op_type || other.domain != node.domain ||
        other.inputs.size() != node.inputs.size() || !reads_codes(other, file)) {
      continue;
    }
    layers.push_back({.name = node.name.empty() ? node.outputs[0] : node.name,
                      .op_type = node.op_type,
                      .position = i,
                      .in_file = *found});
    find_comparison(node, other, before, file, layers.back());
  }
  return layers;
}

Model with_one_layer(const Model& prepared, const Graph& quantized, const CodedLayer& layer) {
  const GraphIndex file(quantized);
  Model model = prepared;
  Transplant transplant(model.graph);
  Node node = model.graph.nodes.at(layer.position);
  const Node& other = quantized.nodes.at(layer.in_file);
  for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
    const auto coded =
        other.inputs[slot].empty() ? std::nullopt : coded_operand(file, other.inputs[slot]);
    if (coded) {
      node.inputs[slot] = transplant.code(*coded, node.inputs[slot], file);
    }
  }
  std::vector<Node> added = transplant.take_nodes();
  for (const Node& made : added) {
    if (!made.domain.empty()) {
      model.set_opset(made.domain, 1);  // com.microsoft, from tools for older opsets
    }
  }
  model.graph.nodes[layer.position] = std::move(node);
  model.graph.nodes.insert(model.graph.nodes.begin() + static_cast<std::ptrdiff_t>(layer.position),
                           std::make_move_iterator(added.begin()),
                           std::make_move_iterator(added.end()));
  return model;
}

}  // namespace ptq
