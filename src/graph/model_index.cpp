#include "graph/model_index.h"

namespace ptq {
namespace {

void collect_graphs(Graph& graph, std::vector<Graph*>& out) {
  out.push_back(&graph);
  for (Node& node : graph.nodes) {
    for (Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        collect_graphs(*inner, out);
      }
    }
  }
}

}  // namespace

std::vector<Graph*> all_graphs(Graph& main) {
  std::vector<Graph*> graphs;
  collect_graphs(main, graphs);
  return graphs;
}

ModelIndex::ModelIndex(const Graph& main) {
  add(main, nullptr, false);
}

void ModelIndex::add(const Graph& graph, const GraphIndex* outer, bool foreign) {
  const GraphIndex& index = indexes_.emplace_back(graph, outer);
  foreign_.push_back(foreign);
  for (const Node& node : graph.nodes) {
    for (const Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        add(*inner, &index, foreign || !node.domain.empty());
      }
    }
  }
}

size_t ModelIndex::find_graph(std::string_view value) const {
  for (size_t k = 0; k < indexes_.size(); ++k) {
    if (indexes_[k].producer(value) != nullptr || indexes_[k].is_graph_input(value)) {
      return k;
    }
  }
  return npos;
}

}  // namespace ptq
