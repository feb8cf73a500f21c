#pragma once
// The graph of a model with its open dimensions closed, to count work on. Any thread.

#include <map>
#include <string>

#include "ptq/graph.h"
#include "ptq/tensor.h"

namespace ptq {

// The graph of `model` as shape inference sees it with inputs of the shapes of `sample`. An input
// that `sample` does not name keeps its declaration, with 1 for an open first dimension, which is
// the batch; other open dimensions stay unknown. Where inference does not find the shapes of a
// product and the sample has all inputs, the runtime is asked by a run. All values are declared as
// inner ones, results included: the graph is for asking shapes, it has no outputs.
Graph sized_graph(const Model& model, const std::map<std::string, Tensor>& sample);

}  // namespace ptq
