#pragma once
// Reads the kinds of kernels off a graph that the runtime optimized. Any thread.

#include <string_view>
#include <unordered_set>

#include "graph/model_index.h"
#include "ptq/graph.h"

namespace ptq {

// Of any domain: 16-bit codes have operators of the runtime's own.
bool is_quantize(const Node& node);
bool is_dequantize(const Node& node);

// QLinearConv, QGemm, MatMulIntegerToFloat …: computes with integers whatever its operands are.
bool has_integer_kernel(const Node& node);
// Conv, FusedConv, MatMul, LSTM …: a product that may run in float.
bool is_float_product(const Node& node);

// Which values of the optimized graph are codes. Its operators have no schemas here, so types are
// followed from where they are sure: codes are made by QuantizeLinear and the integer kernels, kept
// by operators that move them, and end in DequantizeLinear.
class CodedValues {
 public:
  // Keeps views into the model.
  explicit CodedValues(const ModelIndex& optimized);

  // True when the node reads an activation or a weight as codes.
  bool arrive_at(const Node& node) const;

 private:
  bool makes_codes(const Node& node) const;

  std::unordered_set<std::string_view> coded_;
};

}  // namespace ptq
