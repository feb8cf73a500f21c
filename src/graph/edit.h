#pragma once
// Edits that passes share. Each takes the graph by reference and leaves it valid; positions and
// views from before are stale afterwards. One thread.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/graph.h"

namespace ptq {

// Hands out names that no value, declaration or node of the graph (inner graphs included) has.
class NameScope {
 public:
  explicit NameScope(const Graph& graph);
  // `base`, or base_1, base_2, … when it is taken. The result is taken from then on.
  std::string unique(std::string_view base);

 private:
  std::set<std::string, std::less<>> taken_;
};

// Names of the values that `graph` itself defines: inputs, initializers, outputs of its nodes.
std::set<std::string> defined_values(const Graph& graph);

// Every use of value `from` becomes `to`: inputs of nodes, captures and outputs of inner graphs
// that do not define a value of this name themselves. Outputs of `graph` stay. `from` is not empty.
void replace_uses(Graph& graph, std::string_view from, std::string_view to);

// The value `from`, which `graph` defines, is called `to` from now on: where it is made, declared
// and used, captures of inner graphs included.
void rename_value(Graph& graph, std::string_view from, std::string_view to);

// Removes the nodes at `positions`.
void erase_nodes(Graph& graph, const std::set<size_t>& positions);

// Removes nodes none of whose outputs is used, again until nothing changes, then initializers that
// nothing uses and declarations of inner values that nothing makes any more. Stay: nodes that name
// no output at all (they can be there only for an effect), initializers that are defaults of graph
// inputs, inner graphs as they are. `graph` is in topological order. Returns how many nodes and
// initializers were removed.
size_t remove_dead(Graph& graph);

// The initializer called `name`, or nullptr.
Constant* find_constant(Graph& graph, std::string_view name);

// Stable topological order. False when the graph has a cycle; then it is left as it was.
bool sort_topologically(Graph& graph);

}  // namespace ptq
