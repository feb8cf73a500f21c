#pragma once
// All graphs of a model, the main one and those inside If, Loop and Scan nodes, in one order that
// every room uses to speak of them: depth first, a graph before those inside its nodes. Reading
// from many threads is safe.

#include <cstddef>
#include <deque>
#include <vector>

#include "graph/index.h"
#include "ptq/graph.h"

namespace ptq {

std::vector<Graph*> all_graphs(Graph& main);

// An index of each graph that sees the graphs around it. Keeps views into the model.
class ModelIndex {
 public:
  explicit ModelIndex(const Graph& main);
  explicit ModelIndex(Graph&& main) = delete;  // would keep views into a temporary

  size_t size() const { return indexes_.size(); }
  const GraphIndex& operator[](size_t k) const { return indexes_.at(k); }
  // The graph lies inside an operator of another domain than ONNX's own, however deep. Such
  // operators (BeamSearch) know their inner values by name and by kind, so nothing in there may be
  // changed.
  bool is_foreign(size_t k) const { return foreign_.at(k); }
  // Position of the graph that makes `value` by a node or has it as its input, or npos. Names of
  // values are unique in a prepared model.
  size_t find_graph(std::string_view value) const;
  // NOLINTNEXTLINE(readability-identifier-naming): as std::string::npos
  static constexpr size_t npos = static_cast<size_t>(-1);

 private:
  void add(const Graph& graph, const GraphIndex* outer, bool foreign);

  std::deque<GraphIndex> indexes_;  // addresses stay
  std::vector<bool> foreign_;
};

}  // namespace ptq
