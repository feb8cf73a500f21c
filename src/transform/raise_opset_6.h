#pragma once
// The step from opset 6 to 7, before raise_opset.cpp moves a model on to 13. One thread.

#include <string>

#include "graph/edit.h"
#include "ptq/graph.h"

namespace ptq {

// Rewrites the nodes of all graphs of `model`, whose shapes are inferred. Returns why not, in
// words, or an empty string; after a refusal the model is half moved and must be thrown away.
std::string move_from_6_to_7(Model& model, NameScope& names);

}  // namespace ptq
