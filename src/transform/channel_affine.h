#pragma once
// y = scale · x + shift per output channel, moved into the weight and the bias of the linear
// operator that makes x. What fold_batch_norm and fold_channel_affine share. One thread.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "graph/edit.h"
#include "graph/index.h"
#include "ptq/graph.h"
#include "transform/passes.h"

namespace ptq {

// One entry a channel, in double: rounding to the weight's type happens once, at the end.
struct ChannelAffine {
  std::vector<double> scale;
  std::vector<double> shift;
};

// A Conv, ConvTranspose, Gemm or MatMul whose weight (and bias) are fixed float32 constants.
struct LinearNode {
  size_t position = 0;  // in the graph
  // Conv [M,C/g,…], ConvTranspose [C,M/g,…], Gemm [K,N] or [N,K] (transB), MatMul [K,N].
  const Constant* weight = nullptr;
  const Constant* bias = nullptr;  // nullptr: absent; else one value, or one a channel
  int64_t channels = 0;            // M or N
  int64_t output_rank = 0;         // channels are axis 1 of the output
};

// The linear node at `position`. Without it `reason` says what is in the way; it is empty when the
// operator is not linear at all.
struct LinearMatch {
  std::optional<LinearNode> linear;
  std::string reason;
};
LinearMatch match_linear(const GraphIndex& index, size_t position);

// The elementwise node at `position` as x ↦ scale · x + shift: Mul, Div, Add, Sub of `data` and a
// fixed float32 constant with one value, or with one a channel on axis 1 of `rank` dimensions.
struct ElementwiseAffine {
  std::string_view data;
  ChannelAffine affine;
};
std::optional<ElementwiseAffine> match_elementwise(const GraphIndex& index, size_t position,
                                                   int64_t rank, int64_t channels);

// Nodes that only scale and shift the channels of a linear node.
struct AffineFollower {
  LinearNode linear;
  std::vector<size_t> positions;  // in order; each feeds only the next
  ChannelAffine affine;           // of all of them together
};

// Tells whether the node at `position` is the last of such a chain. May add to the notes.
using MatchFollower = std::function<std::optional<AffineFollower>(const GraphIndex& index,
                                                                  size_t position, Notes& notes)>;

// Folds every follower that `match` finds in `graph`, also those that come in sight by another
// fold. A weight or bias with other uses is copied first. A MatMul that needs a bias becomes a
// Gemm. `names` covers the whole model. Returns the number of nodes that are gone.
int64_t fold_followers(Graph& graph, NameScope& names, const MatchFollower& match, Notes& notes);

}  // namespace ptq
