#pragma once
// Steps that several passes share: visiting inner graphs and renaming values. One thread.

#include <functional>
#include <string>
#include <unordered_map>

#include "ptq/graph.h"

namespace ptq {

// Calls visit(g) for `graph`, then for each graph inside its nodes, however deep.
void for_each_graph(Graph& graph, const std::function<void(Graph&)>& visit);

// The graphs inside the nodes of `graph`, however deep, define a value called `name`. Such a name
// must not be given to a value of `graph` (ONNX forbids it, real files do it).
bool inner_graph_defines(const Graph& graph, std::string_view name);

using Renames = std::unordered_map<std::string, std::string>;

// Gives each value its new name where it is made and where it is used, inner graphs included.
// Chains (a → b, b → c) are followed. Names of graph inputs, graph outputs and initializers stay;
// inferred types under an old name are dropped.
void rename_values(Graph& graph, const Renames& renames);

// "Conv 'name'" (or its first output when the node has no name) for notes; hostile bytes replaced.
std::string node_text(const Node& node);

}  // namespace ptq
