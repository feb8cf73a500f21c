#pragma once
// Model -> ModelProto. One thread.

#include <functional>

#include "onnx_io/onnx_fwd.h"
#include "ptq/graph.h"

namespace ptq {

// Sets type, shape and payload (inline, elsewhere, or none) of a tensor that is not opaque.
using PutTensor = std::function<void(const Tensor&, onnx::TensorProto&)>;

struct TensorWriters {
  PutTensor attribute;    // tensors in attributes, inner graphs included
  PutTensor initializer;  // initializers, inner graphs included
};

// The model without its main graph: versions, opset imports, functions, metadata, unknown fields.
void put_model_head(const Model& model, onnx::ModelProto& proto);

void put_graph(const Graph& graph, const TensorWriters& writers, onnx::GraphProto& proto);

// The parts of put_graph: all but the initializers, and one initializer.
void put_graph_head(const Graph& graph, const TensorWriters& writers, onnx::GraphProto& proto);
void put_constant(const Constant& constant, const PutTensor& put_payload, onnx::TensorProto& proto);
void put_value_info(const ValueInfo& info, onnx::ValueInfoProto& proto);

}  // namespace ptq
