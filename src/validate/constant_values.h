#pragma once
// Real values of constants in a quantized graph, whether they are stored as floats or as codes
// behind a DequantizeLinear. Pure; any thread.

#include <optional>
#include <string_view>
#include <vector>

#include "graph/index.h"

namespace ptq {

struct ConstantValues {
  std::string_view constant;  // initializer with the floats or the codes
  Shape shape;
  std::vector<float> values;
  bool coded = false;
};

// Nothing where `value` is neither an initializer nor a DequantizeLinear of initializers, or has a
// form that is not computed here.
std::optional<ConstantValues> constant_values(const GraphIndex& index, std::string_view value);

// Interval [lo, hi] that codes of a QuantizeLinear with constant parameters for the whole tensor
// can represent.
struct CodeInterval {
  double lo = 0.0;
  double hi = 0.0;
};
std::optional<CodeInterval> code_interval(const GraphIndex& index, const Node& quantize);

}  // namespace ptq
