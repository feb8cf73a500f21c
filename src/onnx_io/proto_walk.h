#pragma once
// Visits every message inside a protobuf message, so that one rule reaches tensors in graphs, inner
// graphs, functions, training information and sparse tensors alike. One thread.

#include <functional>
#include <string>
#include <vector>

#include "onnx_io/onnx_fwd.h"

namespace ptq {

// The messages around the visited one, outermost first, without itself.
using MessagePath = std::vector<google::protobuf::Message*>;

// Calls `visit` for `root` and then for each message inside it, in the order of fields. Types of
// values (TypeProto) are not entered. The depth is bounded by the parser's limit of 100.
void walk_messages(
    google::protobuf::Message& root,
    const std::function<void(google::protobuf::Message&, const MessagePath&)>& visit);

// Calls `visit` for each TensorProto inside `root`.
void walk_tensors(google::protobuf::Message& root,
                  const std::function<void(onnx::TensorProto&, const MessagePath&)>& visit);

// "node 'conv1' (Conv)"; "a node without a name (Conv)".
std::string node_place(const onnx::NodeProto& node);

// Where a tensor lies: "tensor 'w'", and the node around it if there is one.
std::string tensor_place(const onnx::TensorProto& tensor, const MessagePath& path);

// Removes texts that do not change what the model computes: doc strings and metadata.
void clear_remarks(google::protobuf::Message& root);

}  // namespace ptq
