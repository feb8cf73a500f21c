#pragma once
// Helpers of the tests of this room: text models with random weights, and the check that a pass
// keeps what a model computes. One thread.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/graph.h"
#include "ptq/tensor.h"

namespace ptq::testing {

// "float[2,3] w = {0.12,…}": an initializer of a text model, uniform in [low, high).
std::string weight_text(std::string_view name, const Shape& shape, uint32_t seed, float low = -1.0F,
                        float high = 1.0F);

// Text of a model with `signature` "(float[N,3] x) => (float[N,3] y)", initializers and nodes.
Model model_of(int64_t opset, const std::string& signature,
               const std::vector<std::string>& initializers, const std::string& nodes,
               int64_t ir_version = 8);

// Random values for each input of the model that must be fed, in the shape that `shapes` gives it.
// Unknown dimensions of the others become 2. Integers lie in [0, 8).
std::map<std::string, Tensor> random_feeds(const Model& model, uint32_t seed,
                                           const std::map<std::string, Shape>& shapes = {});

// Outputs with the runtime's optimizations off.
std::vector<Tensor> run_plain(const Model& model, const std::map<std::string, Tensor>& feeds);

// max|a − b| / max|a| over all elements of all outputs, for each output on its own; infinite when
// shapes, types or the places of non-finite elements differ.
double max_relative_difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b);

// Runs `pass` on a copy of `model`, writes and reads it, and expects the same outputs under the
// same names for three random inputs. Returns the copy.
Model expect_same_outputs(const Model& model, const std::function<void(Model&)>& pass,
                          double tolerance = 1e-4);

// Operator types in node order, "Conv Relu Gemm".
std::string op_types(const Graph& graph);

}  // namespace ptq::testing
