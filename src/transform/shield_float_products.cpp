#include "transform/shield_float_products.h"

#include <vector>

#include "graph/edit.h"
#include "graph/index.h"
#include "graph/model_index.h"

namespace ptq {
namespace {

// Channels of the operand along axis 1, or 0 when the node is not concerned.
int64_t operand_channels(const Node& node, const GraphIndex& index) {
  const Constant* weight = index.fixed_constant(node.input(1));
  if (weight == nullptr || weight->tensor.dtype() != DType::kFloat || weight->tensor.rank() < 2) {
    return 0;
  }
  const Shape& shape = weight->tensor.shape();
  if (node.is("Conv")) {
    return shape[1] * node.int_attribute("group", 1);
  }
  if (node.is("Gemm") && node.int_attribute("transA", 0) == 0) {
    return node.int_attribute("transB", 0) != 0 ? shape[1] : shape[0];
  }
  return 0;
}

// `scalar`, one value, as a new initializer of `channels` equal ones.
std::string repeated(const Constant& scalar, int64_t channels, NameScope& names, Graph& graph) {
  Tensor tensor(scalar.tensor.dtype(), {channels});
  const std::span<const std::byte> one = scalar.tensor.bytes();
  const std::span<std::byte> all = tensor.mutable_bytes();
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = one[i % one.size()];
  }
  std::string name = names.unique(scalar.name + "_channels");
  graph.initializers.push_back({.name = name, .tensor = std::move(tensor)});
  return name;
}

struct Shield {
  size_t node = 0;
  int64_t channels = 0;
  Constant scale{};
  Constant zero_point{};
  Node dequantize{};
};

std::vector<Shield> find_shields(const Graph& graph) {
  const GraphIndex index(graph);
  std::vector<Shield> shields;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const int64_t channels = operand_channels(graph.nodes[i], index);
    const Node* source = index.producer(graph.nodes[i].input(0));
    if (channels == 0 || source == nullptr || source->op_type != "DequantizeLinear") {
      continue;
    }
    const Constant* scale = index.constant(source->input(1));
    const Constant* zero_point = index.constant(source->input(2));
    if (scale != nullptr && zero_point != nullptr && scale->tensor.size() == 1) {
      shields.push_back({i, channels, *scale, *zero_point, *source});
    }
  }
  return shields;
}

int64_t shield(Graph& graph, NameScope& names) {
  std::vector<Shield> shields = find_shields(graph);
  for (Shield& one : shields) {
    Node& dequantize = one.dequantize;
    dequantize.name = names.unique(dequantize.name + "_channels");
    dequantize.outputs[0] = names.unique(dequantize.outputs[0] + "_channels");
    dequantize.inputs[1] = repeated(one.scale, one.channels, names, graph);
    dequantize.inputs[2] = repeated(one.zero_point, one.channels, names, graph);
    dequantize.set_attribute("axis", int64_t{1});
    graph.nodes[one.node].inputs[0] = dequantize.outputs[0];
  }
  for (size_t k = shields.size(); k-- > 0;) {  // from the back: positions before stay valid
    graph.nodes.insert(graph.nodes.begin() + static_cast<std::ptrdiff_t>(shields[k].node),
                       std::move(shields[k].dequantize));
  }
  return static_cast<int64_t>(shields.size());
}

}  // namespace

int64_t shield_float_products(Model& model) {
  NameScope names(model.graph);
  int64_t count = 0;
  for (Graph* const graph : all_graphs(model.graph)) {
    count += shield(*graph, names);
  }
  return count;
}

}  // namespace ptq
