#pragma once
// The checks that a model passes before any other code trusts it. ONNX's own checker is no safety
// net: it has accepted paths out of the folder, wrapped sizes and endless recursion. Values of
// weights (NaN, infinity) are not looked at here. Errors are Error{kInput}; the caller adds the
// file name. One thread.

#include <string>
#include <string_view>

#include "onnx_io/onnx_fwd.h"
#include "onnx_io/proto_walk.h"

namespace ptq {

// Versions of the standard operator set that ptq reads.
constexpr int64_t kMinOpset = 6;
constexpr int64_t kMaxOpset = 25;

// The bytes look like one whole serialized ModelProto: known kinds of other files, truncation,
// garbage behind the model and two models in one file are told apart.
void check_bytes(std::string_view bytes);

// Versions, names, tensors, functions, order. Nodes that stand before their inputs are sorted, with
// a warning; nothing else is changed.
void check_model(onnx::ModelProto& model);

// Parts of check_model.
void check_tensor(const onnx::TensorProto& tensor, std::string_view place);
void check_graph(onnx::GraphProto& graph);  // names and order, inner graphs included
void check_function_body(onnx::FunctionProto& function);
void check_functions(onnx::ModelProto& model);  // identities, recursion, depth, bodies

// Nodes of the main graph and its inner graphs when every call of a local function is expanded. The
// model has passed check_functions.
double expanded_node_count(onnx::ModelProto& model);

}  // namespace ptq
