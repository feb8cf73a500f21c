// A constant factor or summand per channel (or one for all) behind Conv, ConvTranspose or Gemm:
//
//   Conv(W, b) ─▶ Mul(s [1,C,1,1]) ─▶ Add(t [1,C,1,1]) ─▶ y          Conv(W·s, b·s + t) ─▶ y
//
// Also Div by a constant and Sub. Exporters write BatchNormalization and biases so. MatMul ─▶ Add
// stays: there the Add is the bias. No notes: elementwise constants are common and most of them
// have nothing to do with a weight.

#include <utility>

#include "transform/channel_affine.h"
#include "transform/walk.h"

namespace ptq {
namespace {

std::optional<AffineFollower> match(const GraphIndex& index, size_t position, Notes& /*notes*/) {
  const Node& node = index.graph().nodes[position];
  for (const std::string& data : node.inputs) {
    const size_t source = index.producer_position(data);
    if (source == GraphIndex::npos || index.only_consumer(data) != &node ||
        index.graph().nodes[source].is("MatMul")) {
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

}  // namespace

int64_t fold_channel_affine(Model& model, Notes& notes) {
  NameScope names(model.graph);
  int64_t changes = 0;
  for_each_graph(model.graph,
                 [&](Graph& graph) { changes += fold_followers(graph, names, match, notes); });
  return changes;
}

}  // namespace ptq
