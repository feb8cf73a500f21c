#include "graph/unique_names.h"

#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "graph/edit.h"
#include "graph/model_index.h"

namespace ptq {

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
