#pragma once
// Who makes and who uses each value of one graph. Built from a graph that must not change while the
// index is used (it keeps positions and views). A graph inside a node is indexed with the index of
// the graph around it: constants, types and shapes are then found there too, while producers, uses,
// inputs and outputs are always those of the one graph. Reading from many threads is safe.

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ptq/graph.h"

namespace ptq {

class GraphIndex {
 public:
  // One use of a value: nodes[node].inputs[slot]; slot is kCaptured when a graph inside the node
  // uses the value from outside.
  static constexpr size_t kCaptured = static_cast<size_t>(-1);
  struct Use {
    size_t node = 0;
    size_t slot = 0;
  };

  // `outer`, where given, must outlive this index.
  explicit GraphIndex(const Graph& graph, const GraphIndex* outer = nullptr);
  explicit GraphIndex(Graph&& graph, const GraphIndex* outer = nullptr) = delete;  // a temporary

  const Graph& graph() const { return *graph_; }
  const GraphIndex* outer() const { return outer_; }  // null for the main graph
  // The node that makes `value`, or nullptr for graph inputs, initializers and unknown names.
  const Node* producer(std::string_view value) const;
  // Position of that node, or npos.
  size_t producer_position(std::string_view value) const;
  // NOLINTNEXTLINE(readability-identifier-naming): as std::string::npos
  static constexpr size_t npos = static_cast<size_t>(-1);
  // In order of the nodes, then of their slots. Being a graph output is no use.
  const std::vector<Use>& uses(std::string_view value) const;
  bool is_graph_output(std::string_view value) const;
  bool is_graph_input(std::string_view value) const;
  // The initializer, or nullptr. `fixed_constant` also gives nullptr when the initializer is only
  // the default of a graph input, which a caller may replace.
  const Constant* constant(std::string_view value) const;
  const Constant* fixed_constant(std::string_view value) const;
  // Declared or inferred type and shape, or nullptr. Initializers have none.
  const ValueInfo* info(std::string_view value) const;
  // Shape from an initializer or a declaration; nullptr when the rank is unknown.
  const Shape* shape(std::string_view value) const;
  DType dtype(std::string_view value) const;
  // The one node that uses `value` when it has exactly one use, that use is no capture, and the
  // value is no graph output; else nullptr.
  const Node* only_consumer(std::string_view value) const;

 private:
  struct Entry {
    size_t producer = npos;
    std::vector<Use> uses;
    const Constant* constant = nullptr;
    const ValueInfo* info = nullptr;
    bool is_input = false;
    bool is_output = false;
  };
  const Entry* find(std::string_view value) const;
  // In this graph or, where this one only uses the value, in those around it.
  const Entry* find_definition(std::string_view value) const;

  const Graph* graph_;
  const GraphIndex* outer_;
  std::unordered_map<std::string_view, Entry> entries_;
};

// Names that a graph inside `node` uses from the graphs around it, each once, sorted.
std::vector<std::string> captured_values(const Node& node);
// The same of one inner graph.
std::vector<std::string> captured_values(const Graph& inner);

}  // namespace ptq
