// A constant factor or summand per channel (or one for all) behind Conv, ConvTranspose, Gemm or a
// MatMul of matrices:
//
//   Conv(W, b) ─▶ Mul(s [1,C,1,1]) ─▶ Add(t [1,C,1,1]) ─▶ y          Conv(W·s, b·s + t) ─▶ y
//
// Also Div by a constant and Sub. Exporters write BatchNormalization and biases so. A MatMul with a
// summand becomes a Gemm: the runtime makes one of it anyhow, but with a float bias, and that Gemm
// would run in float. No notes: elementwise constants are common and most of them have nothing to
// do with a weight.

#include <algorithm>
#include <utility>

#include "onnx_io/infer_shapes.h"
#include "transform/channel_affine.h"
#include "transform/walk.h"

namespace ptq {
namespace {

std::optional<AffineFollower> match(const GraphIndex& index, size_t position, Notes& /*notes*/) {
  const Node& node = index.graph().nodes[position];
  for (const std::string& data : node.inputs) {
    const size_t source = index.producer_position(data);
    if (source == GraphIndex::npos || index.only_consumer(data) != &node) {
      continue;
    }
    const LinearMatch linear = match_linear(index, source);
    if (!linear.linear) {
      continue;
    }
    std::optional<ElementwiseAffine> elementwise =
        match_elementwise(index, position, linear.linear->output_rank, linear.linear->channels);
    if (elementwise && elementwise->data == data) {
      return AffineFollower{*linear.linear, {position}, std::move(elementwise->affine)};
    }
  }
  return std::nullopt;
}

// A MatMul with a constant matrix and a node behind it that might fold, if only the rank of the
// result were known.
bool needs_shape(const Graph& graph) {
  const GraphIndex index(graph);
  return std::ranges::any_of(graph.nodes, [&](const Node& node) {
    if (!node.is("MatMul") || node.outputs.size() != 1 || index.shape(node.outputs[0]) != nullptr) {
      return false;
    }
    const Constant* weight = index.fixed_constant(node.input(1));
    const Node* next = index.only_consumer(node.outputs[0]);
    return weight != nullptr && weight->tensor.rank() == 2 && next != nullptr &&
           (next->is("Add") || next->is("Sub") || next->is("Mul") || next->is("Div"));
  });
}

}  // namespace

int64_t fold_channel_affine(Model& model, Notes& notes) {
  bool has_unknown = false;
  for_each_graph(model.graph,
                 [&](Graph& graph) { has_unknown = has_unknown || needs_shape(graph); });
  if (has_unknown) {
    infer_shapes(model);
  }
  NameScope names(model.graph);
  int64_t changes = 0;
  for_each_graph(model.graph,
                 [&](Graph& graph) { changes += fold_followers(graph, names, match, notes); });
  return changes;
}

}  // namespace ptq
