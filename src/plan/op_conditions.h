#pragma once
// Conditions under which a row of the operator table holds. Each returns false with the reason in
// `why`, as the end of a sentence about the node. Pure functions; any thread.

#include <string>

#include "graph/index.h"
#include "ptq/graph.h"
#include "ptq/plan.h"

namespace ptq {

bool accepts_conv(const Node& node, const GraphIndex& index, std::string& why);
bool accepts_gemm(const Node& node, const GraphIndex& index, std::string& why);
bool accepts_matmul(const Node& node, const GraphIndex& index, std::string& why);
bool accepts_norm(const Node& node, const GraphIndex& index, std::string& why);
bool accepts_resize(const Node& node, const GraphIndex& index, std::string& why);
bool accepts_max_pool(const Node& node, const GraphIndex& index, std::string& why);
// Bounds are constants around 0, which is always representable.
bool accepts_clip(const Node& node, const GraphIndex& index, std::string& why);
// A straight line that still moves at 0 (plan/linear_gate.h).
bool accepts_gate(const Node& node, const GraphIndex& index, std::string& why);
// Constant operands hold no infinity and no mask value, whose range would leave no codes for
// anything else.
bool accepts_elementwise(const Node& node, const GraphIndex& index, std::string& why);

// Whether integers pay for a node that passed its rule. On ONNX Runtime they do not for a MatMul of
// two activations: attention scores come from and go to float operators, and converting both
// operands costs more than the integer kernel saves (docs/benchmarks.md). Nor do they for a MaxPool
// that the runtime would not run channels-last: its other integer kernel takes 40 times as long.
bool pays(const Node& node, const GraphIndex& index, Engine engine, std::string& why);

}  // namespace ptq
