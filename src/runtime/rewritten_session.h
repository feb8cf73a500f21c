#pragma once
// A session in which chosen values can be changed while it runs. Used to measure what an error in
// one value does to the outputs. Building belongs to one thread, Session::run to any.

#include <string>
#include <vector>

#include "ptq/graph.h"
#include "runtime/session.h"

namespace ptq {

// `values`: names of float32 values that nodes of the main graph make; value i is slot i of
// `rewriter`, which must outlive the session. The runtime still optimizes the graph, but no fusion
// reaches across such a value. Throws Error{kInput} for a name that no node of the main graph
// makes, Error{kRuntime} when the runtime refuses the model.
Session rewrite_values(const Model& model, const std::vector<std::string>& values,
                       ValueRewriter& rewriter);

}  // namespace ptq
