#pragma once
// How much of the work of a quantized file runs in integers, for files of any tool: no plan is
// needed. Any thread.

#include <map>
#include <optional>
#include <string>

#include "ptq/graph.h"
#include "ptq/tensor.h"

namespace ptq {

// Share (0 to 1) of the multiply-accumulates of `quantized` whose node gets an integer kernel in
// the graph that the runtime would execute. `sample` closes open dimensions. Nothing where the work
// of a product is unknown, unless all products run in integers, and where there are no products.
std::optional<double> integer_share(const Model& quantized,
                                    const std::map<std::string, Tensor>& sample);

}  // namespace ptq
