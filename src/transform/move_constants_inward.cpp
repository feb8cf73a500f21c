// Constants that only one inner graph reads move into it, and small ones that several graphs read
// are copied into each, so that what is known of a weight is known where it is used.
//
//   (W) If { y = MatMul(x, W) }          If { (W) y = MatMul(x, W) }
//
// Stay: defaults of graph inputs, outputs, and large constants that several graphs share.

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "graph/edit.h"
#include "graph/index.h"
#include "graph/model_index.h"
#include "transform/passes.h"

namespace ptq {
namespace {

// Elements of a constant that may be copied: shapes, scalars and biases, no weights.
constexpr int64_t kMaxCopied = 1024;

struct Readers {
  bool is_input = false;        // a default of a graph input, which a caller may replace
  bool own = false;             // a node or an output of the graph itself
  std::vector<Graph*> inner{};  // each once
};

std::unordered_map<std::string, Readers> find_readers(Graph& graph) {
  std::unordered_map<std::string, Readers> readers;
  for (const ValueInfo& input : graph.inputs) {
    readers[input.name].is_input = true;
  }
  for (const ValueInfo& output : graph.outputs) {
    readers[output.name].own = true;
  }
  for (Node& node : graph.nodes) {
    for (const std::string& input : node.inputs) {
      readers[input].own = true;
    }
    for (Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        for (const std::string& name : captured_values(*inner)) {
          readers[name].inner.push_back(inner.get());
        }
      }
    }
  }
  return readers;
}

// An inner graph must make its outputs by a node, so a constant that leaves it stays outside.
bool hands_out(const Graph& graph, const std::string& name) {
  for (const ValueInfo& output : graph.outputs) {
    if (output.name == name) {
      return true;
    }
  }
  return false;
}

int64_t move_from(Graph& graph, NameScope& names) {
  std::unordered_map<std::string, Readers> readers = find_readers(graph);
  int64_t changes = 0;
  std::vector<Constant> kept;
  for (Constant& constant : graph.initializers) {
    const Readers& found = readers[constant.name];
    if (found.is_input) {
      kept.push_back(std::move(constant));
      continue;
    }
    const bool alone = !found.own && found.inner.size() == 1;
    if (alone && !hands_out(*found.inner[0], constant.name)) {
      found.inner[0]->initializers.push_back(std::move(constant));
      ++changes;
      continue;
    }
    if (!alone && constant.tensor.size() <= kMaxCopied && bit_width(constant.tensor.dtype()) > 0) {
      for (Graph* const inner : found.inner) {
        if (hands_out(*inner, constant.name)) {
          continue;
        }
        Constant copy = constant;
        copy.name = names.unique(constant.name);
        inner->initializers.push_back(copy);
        // The inner graph defines it from now on, and knows it by its new name.
        Graph& target = *inner;
        replace_uses(target, constant.name, copy.name);
        ++changes;
      }
    }
    kept.push_back(std::move(constant));
  }
  graph.initializers = std::move(kept);
  return changes;
}

}  // namespace

int64_t move_constants_inward(Model& model, Notes& /*notes*/) {
  int64_t changes = 0;
  NameScope names(model.graph);
  for (Graph* const graph : all_graphs(model.graph)) {  // outer ones first: constants move on
    changes += move_from(*graph, names);
  }
  return changes;
}

}  // namespace ptq
