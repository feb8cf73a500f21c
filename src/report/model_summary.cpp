#include "report/model_summary.h"

#include "graph/model_index.h"

namespace ptq {

ModelSummary summarize_model(const Model& model) {
  ModelSummary summary;
  const ModelIndex index(model.graph);
  summary.inner_graphs = index.size() - 1;
  for (size_t k = 0; k < index.size(); ++k) {
    const Graph& graph = index[k].graph();
    for (const Node& node : graph.nodes) {
      ++summary.operators[node.domain.empty() ? node.op_type : node.domain + "." + node.op_type];
    }
    summary.nodes += graph.nodes.size();
    summary.initializers += graph.initializers.size();
    for (const Constant& constant : graph.initializers) {
      summary.parameters += static_cast<uint64_t>(constant.tensor.size());
      summary.initializer_bytes += constant.tensor.bytes().size();
    }
  }
  return summary;
}

}  // namespace ptq
