#pragma once
// The identity of a model: statistics and reports are valid only for the model they were made from.
// Any thread.

#include <string>

#include "ptq/graph.h"

namespace ptq {

// SHA-256 (hex) over graph, weights, functions and versions. Doc strings, metadata, producer, graph
// name, declared types of inner values, and where the weights are stored do not count.
std::string model_fingerprint(const Model& model);

}  // namespace ptq
