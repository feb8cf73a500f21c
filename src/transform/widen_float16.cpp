// A float16 model computes in float32, which is what the runtime does with one on this processor,
// so that it can be quantized like any other. Its inputs and outputs keep float16:
//
//   x half ─▶ Conv(W half) ─▶ y half       x half ─▶ Cast ─▶ Conv(W float) ─▶ Cast ─▶ y half
//
// The results are those of float16 without its roundings. Casts between the two types inside the
// model go. Left alone, with a note: a model with local functions that could not be expanded, and
// one that passes float16 in sequences or optional values, or inside operators of other domains
// that have graphs of their own.

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/edit.h"
#include "graph/model_index.h"
#include "onnx_io/infer_shapes.h"
#include "transform/passes.h"

namespace ptq {
namespace {

constexpr auto kHalf = static_cast<int64_t>(DType::kFloat16);
constexpr auto kSingle = static_cast<int64_t>(DType::kFloat);

// Worth a closer look.
bool has_half(const Graph& graph) {
  const auto is_half = [](const ValueInfo& info) { return info.dtype == DType::kFloat16; };
  const auto is_half_constant = [](const Constant& constant) {
    return constant.tensor.dtype() == DType::kFloat16;
  };
  const auto casts = [](const Node& node) {
    return node.is("Cast") && node.int_attribute("to", 0) == kHalf;
  };
  return std::ranges::any_of(graph.inputs, is_half) ||
         std::ranges::any_of(graph.outputs, is_half) ||
         std::ranges::any_of(graph.initializers, is_half_constant) ||
         std::ranges::any_of(graph.nodes, casts);
}

// An operator that reads or makes float16, other than the casts around a stored weight.
bool computes_in_half(const GraphIndex& index) {
  const auto is_half = [&](const std::string& value) {
    return index.dtype(value) == DType::kFloat16;
  };
  return std::ranges::any_of(index.graph().nodes, [&](const Node& node) {
    return !node.is("Cast") && !node.is("Constant") &&
           (std::ranges::any_of(node.inputs, is_half) ||
            std::ranges::any_of(node.outputs, is_half));
  });
}

// Why the model has to stay as it is, or an empty string.
std::string obstacle(const Model& model, const ModelIndex& index) {
  if (model.has_functions) {
    return "its local functions could not be expanded";
  }
  for (size_t k = 0; k < index.size(); ++k) {
    if (index.is_foreign(k)) {
      return "an operator of another domain has graphs of its own";
    }
    for (const Node& node : index[k].graph().nodes) {
      if (node.op_type.starts_with("Sequence") || node.op_type.starts_with("Optional") ||
          node.op_type == "SplitToSequence" || node.op_type == "ConcatFromSequence") {
        return "it has sequences or optional values";
      }
    }
  }
  return {};
}

Tensor widened(const Tensor& tensor) {
  const std::vector<float> values = to_floats(tensor);
  return Tensor::from<float>(tensor.shape(), std::span<const float>(values));
}

bool is_float(DType dtype) {
  return dtype == DType::kFloat || dtype == DType::kFloat16;
}

// Names of attributes that name an element type, over all standard operators.
void widen_attributes(Node& node) {
  for (Attribute& attribute : node.attributes) {
    const bool names_type = attribute.name == "to" || attribute.name == "dtype" ||
                            attribute.name == "stash_type" || attribute.name == "output_dtype" ||
                            attribute.name == "output_datatype";
    if (attribute.kind == AttributeKind::kInt && names_type && attribute.i == kHalf) {
      attribute.i = kSingle;
    }
    if (attribute.kind == AttributeKind::kTensor && attribute.t.dtype() == DType::kFloat16) {
      attribute.t = widened(attribute.t);
    }
  }
}

// Declarations are believed by the runtime, so that all of them change.
void widen_declarations(std::vector<ValueInfo>& infos) {
  for (ValueInfo& info : infos) {
    if (info.dtype == DType::kFloat16) {
      info.dtype = DType::kFloat;
      info.verbatim.clear();
    }
  }
}

// Casts that only change between the two float types, by the types before the change.
std::set<std::pair<size_t, size_t>> idle_casts(const ModelIndex& index) {
  std::set<std::pair<size_t, size_t>> idle;
  for (size_t k = 0; k < index.size(); ++k) {
    const std::vector<Node>& nodes = index[k].graph().nodes;
    for (size_t i = 0; i < nodes.size(); ++i) {
      const int64_t to = nodes[i].is("Cast") ? nodes[i].int_attribute("to", 0) : 0;
      if ((to == kHalf || to == kSingle) && is_float(index[k].dtype(nodes[i].input(0)))) {
        idle.emplace(k, i);
      }
    }
  }
  return idle;
}

void widen_graph(Graph& graph, bool is_main) {
  for (Constant& constant : graph.initializers) {
    if (constant.tensor.dtype() == DType::kFloat16) {
      constant.tensor = widened(constant.tensor);
    }
  }
  for (Node& node : graph.nodes) {
    widen_attributes(node);
  }
  widen_declarations(graph.value_infos);
  if (!is_main) {
    widen_declarations(graph.inputs);
    widen_declarations(graph.outputs);
  }
}

Node cast_node(std::string name, std::string from, std::string to, int64_t type) {
  Node node{.name = std::move(name), .op_type = "Cast"};
  node.inputs = {std::move(from)};
  node.outputs = {std::move(to)};
  node.set_attribute("to", type);
  return node;
}

void cast_inputs(Graph& graph, NameScope& names) {
  std::vector<Node> casts;
  for (ValueInfo& input : graph.inputs) {
    if (input.dtype != DType::kFloat16) {
      continue;
    }
    if (find_constant(graph, input.name) != nullptr) {  // the default is float32 by now
      input.dtype = DType::kFloat;
      input.verbatim.clear();
      continue;
    }
    std::string wide = names.unique(input.name + "_float32");
    replace_uses(graph, input.name, wide);
    casts.push_back(cast_node(names.unique(input.name + "_widen"), input.name, wide, kSingle));
  }
  graph.nodes.insert(graph.nodes.begin(), std::make_move_iterator(casts.begin()),
                     std::make_move_iterator(casts.end()));
}

void cast_outputs(Graph& graph, NameScope& names) {
  std::set<std::string> inputs;
  for (const ValueInfo& input : graph.inputs) {
    inputs.insert(input.name);
  }
  for (const ValueInfo& output : graph.outputs) {
    if (output.dtype != DType::kFloat16 || inputs.contains(output.name)) {
      continue;
    }
    const std::string wide = names.unique(output.name + "_float32");
    for (Node& node : graph.nodes) {
      std::ranges::replace(node.outputs, output.name, wide);
    }
    if (Constant* constant = find_constant(graph, output.name); constant != nullptr) {
      constant->name = wide;
    }
    replace_uses(graph, output.name, wide);
    graph.nodes.push_back(
        cast_node(names.unique(output.name + "_narrow"), wide, output.name, kHalf));
  }
}

}  // namespace

int64_t widen_float16(Model& model, Notes& notes) {
  const std::vector<Graph*> graphs = all_graphs(model.graph);
  if (std::ranges::none_of(graphs, [](const Graph* graph) { return has_half(*graph); })) {
    return 0;
  }
  infer_shapes(model);
  std::set<std::pair<size_t, size_t>> idle;
  {
    const ModelIndex index(model.graph);
    bool computes = false;
    for (size_t k = 0; k < index.size(); ++k) {
      computes = computes || computes_in_half(index[k]);
    }
    if (!computes) {
      return 0;
    }
    if (const std::string reason = obstacle(model, index); !reason.empty()) {
      notes.push_back("float16 operators stay in float16, since " + reason);
      return 0;
    }
    idle = idle_casts(index);
  }
  for (size_t k = 0; k < graphs.size(); ++k) {
    widen_graph(*graphs[k], k == 0);
  }
  for (const auto& [graph, node] : idle) {
    Node& cast = graphs[graph]->nodes[node];
    cast.op_type = "Identity";
    cast.attributes.clear();
  }
  NameScope names(model.graph);
  cast_inputs(model.graph, names);
  cast_outputs(model.graph, names);
  drop_identity(model, notes);
  notes.emplace_back(
      "the float16 parts of the model are computed in float32; float16 inputs and outputs stay");
  return 1;
}

}  // namespace ptq
