// Constant nodes become initializers, the one form of a weight that the later passes know.
//
//   Constant{value = W} ──W──▶ Conv            (initializer W) ──▶ Conv
//
// Left as nodes: strings and sparse tensors (nothing quantizes them), and constants that are an
// output of their graph (an inner graph must make its outputs by a node).

#include <optional>
#include <set>
#include <span>
#include <utility>

#include "graph/edit.h"
#include "graph/index.h"
#include "transform/passes.h"
#include "transform/walk.h"

namespace ptq {
namespace {

template <typename T>
Tensor vector_tensor(const std::vector<T>& values) {
  return Tensor::from<T>({static_cast<int64_t>(values.size())}, std::span<const T>(values));
}

std::optional<Tensor> constant_value(const Node& node) {
  for (const Attribute& attribute : node.attributes) {
    if (attribute.name == "value" && attribute.kind == AttributeKind::kTensor &&
        bit_width(attribute.t.dtype()) != 0) {
      return attribute.t;
    }
    if (attribute.name == "value_float" && attribute.kind == AttributeKind::kFloat) {
      return Tensor::scalar(attribute.f);
    }
    if (attribute.name == "value_floats" && attribute.kind == AttributeKind::kFloats) {
      return vector_tensor(attribute.floats);
    }
    if (attribute.name == "value_int" && attribute.kind == AttributeKind::kInt) {
      return Tensor::scalar(attribute.i);
    }
    if (attribute.name == "value_ints" && attribute.kind == AttributeKind::kInts) {
      return vector_tensor(attribute.ints);
    }
  }
  return std::nullopt;
}

int64_t convert(Graph& graph) {
  std::set<std::string_view> outputs;
  for (const ValueInfo& output : graph.outputs) {
    outputs.insert(output.name);
  }
  std::set<size_t> converted;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!node.is("Constant") || node.outputs.size() != 1 || outputs.contains(node.outputs[0])) {
      continue;
    }
    if (std::optional<Tensor> value = constant_value(node)) {
      graph.initializers.push_back({node.outputs[0], std::move(*value), {}});
      converted.insert(i);
    }
  }
  erase_nodes(graph, converted);
  return static_cast<int64_t>(converted.size());
}

}  // namespace

int64_t constants_to_initializers(Model& model, Notes& /*notes*/) {
  int64_t changes = 0;
  for_each_graph(model.graph, [&](Graph& graph) { changes += convert(graph); });
  return changes;
}

}  // namespace ptq
