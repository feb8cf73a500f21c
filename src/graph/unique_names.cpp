#include "graph/unique_names.h"

#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "graph/edit.h"
#include "graph/model_index.h"

namespace ptq {
namespace {

std::set<std::string> defined_values(const Graph& graph) {
  std::set<std::string> names;
  for (const ValueInfo& input : graph.inputs) {
    names.insert(input.name);
  }
  for (const Constant& constant : graph.initializers) {
    names.insert(constant.name);
  }
  for (const Node& node : graph.nodes) {
    names.insert(node.outputs.begin(), node.outputs.end());
  }
  names.erase("");
  return names;
}

}  // namespace

int64_t make_names_unique(Graph& main) {
  int64_t changes = 0;
  NameScope names(main);
  std::unordered_set<std::string> values;
  std::unordered_set<std::string> nodes;
  std::vector<bool> fixed;  // names stay
  {
    const ModelIndex index(main);
    for (size_t k = 0; k < index.size(); ++k) {
      fixed.push_back(k == 0 || index.is_foreign(k));
    }
  }
  const std::vector<Graph*> graphs = all_graphs(main);
  for (size_t k = 0; k < graphs.size(); ++k) {
    Graph* const graph = graphs[k];
    for (const std::string& name : defined_values(*graph)) {
      if (!values.insert(name).second && !fixed[k]) {
        const std::string fresh = names.unique(name);
        rename_value(*graph, name, fresh);
        values.insert(fresh);
        ++changes;
      }
    }
    for (Node& node : graph->nodes) {
      if (!node.name.empty() && !nodes.insert(node.name).second && !fixed[k]) {
        node.name = names.unique(node.name);
        nodes.insert(node.name);
        ++changes;
      }
    }
  }
  return changes;
}

}  // namespace ptq
