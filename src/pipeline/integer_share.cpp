#include "pipeline/integer_share.h"

#include <algorithm>

#include "graph/macs.h"
#include "graph/model_index.h"
#include "pipeline/node_matching.h"
#include "pipeline/optimized_kernels.h"
#include "pipeline/sized_graph.h"
#include "ptq/kernel_proof.h"
#include "runtime/model_session.h"

namespace ptq {
namespace {

// How often the graph inside a node runs is not in the model, so work there is never known.
std::optional<uint64_t> macs_of(const Node& node, const GraphIndex& sized, bool inner) {
  const bool holds_graphs = std::ranges::any_of(
      node.attributes, [](const Attribute& attribute) { return !attribute.graphs.empty(); });
  if (holds_graphs) {
    return 0;
  }
  const std::optional<uint64_t> macs = multiply_accumulates(node, sized);
  return inner && macs != uint64_t{0} ? std::nullopt : macs;
}

}  // namespace

std::optional<double> integer_share(const Model& quantized,
                                    const std::map<std::string, Tensor>& sample) {
  const Model optimized = optimized_model(mark_nodes(quantized), {});
  const Graph sized = sized_graph(quantized, sample);
  const ModelIndex file(quantized.graph);
  const ModelIndex executed(optimized.graph);
  const ModelIndex sizes(sized);
  const NodeMatching matching(file, executed);
  const CodedValues coded(executed);
  RuntimeCheck check;
  for (size_t k = 0; k < file.size(); ++k) {
    const std::vector<Node>& nodes = file[k].graph().nodes;
    for (size_t i = 0; i < nodes.size(); ++i) {
      const std::optional<uint64_t> macs = macs_of(sizes[k].graph().nodes.at(i), sizes[k], k > 0);
      if (macs == uint64_t{0}) {
        continue;
      }
      const size_t mark = matching.in_file(k, nodes[i]);
      const std::vector<const Node*> found =
          mark == GraphIndex::npos ? std::vector<const Node*>() : matching.in_optimized(k, mark);
      const bool integer =
          has_integer_kernel(nodes[i]) || std::ranges::any_of(found, [&](const Node* node) {
            return has_integer_kernel(*node) || coded.arrive_at(*node);
          });
      check.known_macs += macs.value_or(0);
      check.integer_macs += integer ? macs.value_or(0) : 0;
      check.unknown_products += macs ? 0U : 1U;
      check.unknown_integer_products += !macs && integer ? 1U : 0U;
    }
  }
  const std::optional<double> percent = check.integer_mac_percent();
  return percent ? std::optional(*percent / 100.0) : std::nullopt;
}

}  // namespace ptq
