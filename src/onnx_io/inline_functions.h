#pragma once
// Local functions of a model, expanded where they are called. Called by the preparing passes. One
// thread a model.

#include <string>

#include "ptq/graph.h"

namespace ptq {

// Replaces every call of a local function by its nodes, in inner graphs too, and removes the
// functions. Names of values and initializers of the graph stay. Returns why not, in words, or an
// empty string; then the model is as it was.
std::string inline_local_functions(Model& model);

}  // namespace ptq
