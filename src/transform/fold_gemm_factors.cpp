// The factors of a Gemm into its constants, since the runtime has no integer kernel for others
// than 1:
//
//   Gemm{alpha = a, beta = b}(x, W, c)         Gemm(x, a·W, b·c)
//
// A factor that belongs to a value which is no constant stays, with a note.

#include <cmath>
#include <span>

#include "graph/edit.h"
#include "graph/index.h"
#include "transform/passes.h"
#include "transform/walk.h"

namespace ptq {
namespace {

// The float32 constant at input `slot` times `factor`, under the old name when nothing else uses
// it. False when the input is no fixed float32 constant or the product is not finite.
bool scale_input(Graph& graph, NameScope& names, size_t position, size_t slot, double factor) {
  const GraphIndex index(graph);
  Node& node = graph.nodes[position];
  const Constant* constant = index.fixed_constant(node.input(slot));
  if (constant == nullptr || constant->tensor.dtype() != DType::kFloat) {
    return false;
  }
  Tensor scaled(DType::kFloat, constant->tensor.shape());
  const std::span<const float> from = constant->tensor.data<float>();
  const std::span<float> to = scaled.mutable_data<float>();
  for (size_t i = 0; i < to.size(); ++i) {
    to[i] = static_cast<float>(from[i] * factor);
    if (!std::isfinite(to[i]) && std::isfinite(from[i])) {
      return false;
    }
  }
  if (index.uses(constant->name).size() == 1 && !index.is_graph_output(constant->name)) {
    find_constant(graph, constant->name)->tensor = std::move(scaled);
    return true;
  }
  node.inputs[slot] = names.unique(constant->name);
  graph.initializers.push_back({node.inputs[slot], std::move(scaled), {}});
  return true;
}

int64_t fold_alpha(Graph& graph, NameScope& names, size_t position, Notes& notes) {
  Node& node = graph.nodes[position];
  const float alpha = node.float_attribute("alpha", 1.0F);
  if (alpha != 1.0F && !scale_input(graph, names, position, 1, alpha)) {
    notes.push_back(node_text(node) + " keeps alpha: its weight is no fixed float32 constant");
    return 0;
  }
  node.erase_attribute("alpha");
  return alpha != 1.0F ? 1 : 0;
}

int64_t fold_beta(Graph& graph, NameScope& names, size_t position, Notes& notes) {
  Node& node = graph.nodes[position];
  const float beta = node.float_attribute("beta", 1.0F);
  if (beta == 0.0F || node.input(2).empty()) {
    node.inputs.resize(2);  // the specification has no summand then, not 0 times it
  } else if (beta != 1.0F && !scale_input(graph, names, position, 2, beta)) {
    notes.push_back(node_text(node) + " keeps beta: its summand is no fixed float32 constant");
    return 0;
  }
  node.erase_attribute("beta");
  return beta != 1.0F ? 1 : 0;
}

int64_t fold_all(Graph& graph, NameScope& names, Notes& notes) {
  int64_t changes = 0;
  for (size_t position = 0; position < graph.nodes.size(); ++position) {
    const Node& node = graph.nodes[position];
    if (node.is("Gemm") && node.inputs.size() >= 2) {
      changes += fold_alpha(graph, names, position, notes);
      changes += fold_beta(graph, names, position, notes);
    }
  }
  return changes;
}

}  // namespace

int64_t fold_gemm_factors(Model& model, Notes& notes) {
  NameScope names(model.graph);
  int64_t changes = 0;
  for_each_graph(model.graph, [&](Graph& graph) { changes += fold_all(graph, names, notes); });
  return changes;
}

}  // namespace ptq
