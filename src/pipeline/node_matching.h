#pragma once
// Leads from a node of a prepared model to what the runtime made of it. The nodes of the file get
// their position as name before the runtime optimizes it, and the runtime keeps the name of a node
// in the operator that it is fused to, with endings of its own; names mean nothing to it. Any
// thread.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "graph/model_index.h"
#include "plan/op_rules.h"
#include "ptq/graph.h"

namespace ptq {

// A copy of `quantized` whose nodes, inner graphs included, are called "ptq.N.", N counting through
// the graphs in the order of ModelIndex: the mark of the node.
Model mark_nodes(const Model& quantized);

// The mark in the name of a node, or GraphIndex::npos.
size_t node_mark(const Node& node);

class NodeMatching {
 public:
  // `optimized` is what the runtime made of mark_nodes(quantized). Keeps references to both.
  NodeMatching(const ModelIndex& quantized, const ModelIndex& optimized);

  // The mark of the node of the file that computes `node` of prepared graph `graph`, or npos.
  size_t in_file(size_t graph, const Node& node) const;

  // The nodes of the optimized model that do the work of the one with `mark`: those that carry it,
  // and where a fusion lost the name, those that make its value.
  std::vector<const Node*> in_optimized(size_t graph, size_t mark) const;

  // Why the runtime did not take an integer kernel for a node of the file, but made `found` of it.
  // `rule` is that of the node, or null.
  std::string broken_rule(size_t graph, size_t mark, const OpRule* rule, const Node& found) const;

 private:
  void add(const Node& optimized, size_t marks);

  const ModelIndex& file_;
  std::vector<size_t> first_;  // mark of the first node, by graph
  std::map<size_t, std::vector<const Node*>> by_mark_;
  std::map<std::string, const Node*, std::less<>> by_output_;
};

}  // namespace ptq
