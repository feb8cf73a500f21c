#pragma once
// How much work a node is, in multiply-accumulates of its products: what reports weigh nodes with.
// Pure functions; any thread.

#include <cstdint>
#include <optional>

#include "graph/index.h"
#include "ptq/graph.h"

namespace ptq {

// Multiply-accumulates of one execution of `node`: Conv, ConvTranspose, MatMul, Gemm, Einsum, LSTM,
// GRU and RNN from the declared shapes of the graph of `index`; products with padding count. 0 for
// operators that multiply no matrices, additions of a bias included. Nothing where a shape it needs
// is unknown, where the number exceeds 64 bits, for nodes with inner graphs that hold products, and
// for products that this function does not know (attention in one operator, products of other
// domains): unknown is not 0.
std::optional<uint64_t> multiply_accumulates(const Node& node, const GraphIndex& index);

}  // namespace ptq
