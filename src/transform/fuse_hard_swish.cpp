// x · HardSigmoid{1/6, 1/2}(x) is HardSwish(x), an operator from opset 14 on, which some engines
// compute at once. ONNX Runtime turns it into the two again where it runs in float.
//
//   x ─┬───────────────▶ Mul                   x ─▶ HardSwish
//      └─ HardSigmoid ───┘
//
// Opset 13 is raised to 14 for it: no operator of 13 means something else in 14, except
// BatchNormalization with outputs for training. Older opsets keep the pair.

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "graph/edit.h"
#include "graph/index.h"
#include "transform/passes.h"
#include "transform/walk.h"

namespace ptq {
namespace {

// Exporters write 1/6 with seven digits.
constexpr float kTolerance = 1e-7F;

// The gate of the product, and the slot where it is read.
size_t gate_position(const GraphIndex& index, const Node& product) {
  for (size_t slot = 0; slot < 2 && product.is("Mul"); ++slot) {
    const size_t position = index.producer_position(product.input(slot));
    if (position == GraphIndex::npos) {
      continue;
    }
    const Node& gate = index.graph().nodes[position];
    if (gate.is("HardSigmoid") && gate.input(0) == product.input(1 - slot) &&
        std::abs(gate.float_attribute("alpha", 0.2F) - 1.0F / 6.0F) <= kTolerance &&
        gate.float_attribute("beta", 0.5F) == 0.5F &&
        index.only_consumer(gate.outputs.at(0)) == &product) {
      return position;
    }
  }
  return GraphIndex::npos;
}

int64_t fuse(Graph& graph) {
  struct Match {
    size_t product;
    size_t gate;
  };
  std::vector<Match> matches;
  {
    const GraphIndex index(graph);
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      if (const size_t gate = gate_position(index, graph.nodes[i]); gate != GraphIndex::npos) {
        matches.push_back({i, gate});
      }
    }
  }
  std::set<size_t> gates;
  for (const Match& match : matches) {
    Node& product = graph.nodes[match.product];
    product.op_type = "HardSwish";
    product.inputs = {graph.nodes[match.gate].inputs[0]};
    gates.insert(match.gate);
  }
  erase_nodes(graph, gates);
  return static_cast<int64_t>(matches.size());
}

// Whether all standard operators of the model mean the same in opset 14.
bool may_be_opset_14(Model& model) {
  bool trains = false;
  for_each_graph(model.graph, [&](Graph& graph) {
    trains = trains || std::ranges::any_of(graph.nodes, [](const Node& node) {
               return node.is("BatchNormalization") && node.outputs.size() > 1;
             });
  });
  return model.opset() == 13 && !model.has_functions && !trains;
}

}  // namespace

int64_t fuse_hard_swish(Model& model, Notes& notes) {
  if (model.opset() < 14 && !may_be_opset_14(model)) {
    return 0;
  }
  int64_t changes = 0;
  for_each_graph(model.graph, [&](Graph& graph) { changes += fuse(graph); });
  if (changes > 0 && model.opset() == 13) {
    model.set_opset("", 14);
    notes.push_back("opset raised from 13 to 14, the first with HardSwish");
  }
  return changes;
}

}  // namespace ptq
