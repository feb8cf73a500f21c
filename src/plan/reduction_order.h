#pragma once
// In which order the integer kernels of the runtime run along the reduced axis of a weight. Decides
// which products are neighbours and may saturate together (quant/pair_limit.h). Pure; any thread.
//
// Checked on processors without VNNI (tests/plan/reduction_order_test.cpp says how): Conv runs over
// kernel positions and, inside, over the input channels of a group; MatMul and Gemm over rows of
// B.

#include "ptq/graph.h"
#include "quant/pair_limit.h"

namespace ptq {

// `weight` is the shape of the constant operand: [M, C/group, k…] of Conv, [K, N] or [N, K] of
// Gemm, […, K, N] of MatMul. Empty for other operators and for weights without elements.
ReductionOrder reduction_order(const Node& node, const Shape& weight);

// Whether the kernel adds pairs of products in 16 bits. A depthwise Conv with one output channel a
// group has a kernel of its own that does not.
bool adds_in_16_bits(const Node& node, const Shape& weight);

}  // namespace ptq
