// Identity, and Dropout as it is at inference, pass their input on: they are cut out.
//
//   a ─▶ Identity ─▶ b ─▶ Conv                 a ─▶ Conv
//   Relu ─a─▶ Identity ─▶ y (graph output)     Relu ─▶ y
//
// Kept: an Identity between a graph input (or initializer, or value from an outer graph) and a
// graph output, and one that copies a value to a second graph output; somebody must make that name.
// Kept too: one that parts a graph output from a Transpose in front of a Gemm. ONNX Runtime 1.31
// merges such a Transpose into the Gemm and then misses the output.

#include <algorithm>
#include <set>

#include "graph/edit.h"
#include "graph/index.h"
#include "transform/passes.h"
#include "transform/walk.h"

namespace ptq {
namespace {

bool is_unused(const GraphIndex& index, const Node& node, size_t output) {
  return output >= node.outputs.size() || node.outputs[output].empty() ||
         (index.uses(node.outputs[output]).empty() && !index.is_graph_output(node.outputs[output]));
}

// Input 0 arrives unchanged at output 0 and nothing else is asked of the node. Before opset 12
// Dropout has no training mode of its own; from 12 it is input 2.
bool passes_on(const GraphIndex& index, const Node& node) {
  if (node.inputs.empty() || node.inputs[0].empty() || node.outputs.empty() ||
      node.outputs[0].empty()) {
    return false;
  }
  if (node.is("Identity")) {
    return true;
  }
  if (!node.is("Dropout") || !is_unused(index, node, 1)) {
    return false;
  }
  if (node.input(2).empty()) {
    return true;
  }
  const Constant* training = index.fixed_constant(node.input(2));
  return training != nullptr && training->tensor.dtype() == DType::kBool &&
         training->tensor.size() == 1 && to_int64s(training->tensor)[0] == 0;
}

bool is_transpose_into_gemm(const GraphIndex& index, std::string_view value) {
  const Node* producer = index.producer(value);
  return producer != nullptr && producer->is("Transpose") &&
         std::ranges::any_of(index.uses(value), [&](const GraphIndex::Use& use) {
           return index.graph().nodes[use.node].is("Gemm");
         });
}

int64_t drop(Graph& graph) {
  const GraphIndex index(graph);
  Renames renames;
  std::set<size_t> dropped;
  const auto resolve = [&](std::string name) {
    for (auto found = renames.find(name); found != renames.end(); found = renames.find(name)) {
      name = found->second;
    }
    return name;
  };
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!passes_on(index, node)) {
      continue;
    }
    const std::string from = resolve(node.inputs[0]);
    const std::string& to = node.outputs[0];
    if (!index.is_graph_output(to)) {
      if (!inner_graph_defines(graph, from)) {
        renames[to] = from;
        dropped.insert(i);
      }
    } else if (index.producer(from) != nullptr && !index.is_graph_output(from) &&
               !is_transpose_into_gemm(index, from) && !inner_graph_defines(graph, to)) {
      renames[from] = to;
      dropped.insert(i);
    }
  }
  erase_nodes(graph, dropped);
  rename_values(graph, renames);
  return static_cast<int64_t>(dropped.size());
}

}  // namespace

int64_t drop_identity(Model& model, Notes& /*notes*/) {
  int64_t changes = 0;
  for_each_graph(model.graph, [&](Graph& graph) { changes += drop(graph); });
  return changes;
}

}  // namespace ptq
