// Nodes whose results nobody asks for, then initializers that nothing reads any more.
//
//   (W old) ─▶ Transpose ─▶ t   (W new) ─▶ MatMul          (W new) ─▶ MatMul
//
// Initializers that are defaults of graph inputs stay: they belong to the model's signature.

#include "graph/edit.h"
#include "transform/passes.h"
#include "transform/walk.h"

namespace ptq {

int64_t drop_unused(Model& model, Notes& /*notes*/) {
  int64_t changes = 0;
  // Outer graphs first would keep what only a dead inner node reads.
  std::vector<Graph*> graphs;
  for_each_graph(model.graph, [&](Graph& graph) { graphs.push_back(&graph); });
  for (size_t i = graphs.size(); i-- > 0;) {
    changes += static_cast<int64_t>(remove_dead(*graphs[i]));
  }
  return changes;
}

}  // namespace ptq
