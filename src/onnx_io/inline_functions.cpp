#include "onnx_io/inline_functions.h"

#include <exception>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "onnx/inliner/inliner.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/check.h"
#include "onnx_io/external_data.h"
#include "onnx_io/graph_to_proto.h"
#include "onnx_io/proto_to_graph.h"
#include "onnx_io/tensor_proto.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// A few kilobytes of calls within calls can stand for millions of nodes.
constexpr double kMaxNodes = 200'000;

void put_whole(const Tensor& tensor, onnx::TensorProto& proto) {
  put_tensor(tensor, proto, true);
}

void put_empty(const Tensor& tensor, onnx::TensorProto& proto) {
  put_tensor(tensor, proto, false);
}

}  // namespace

std::string inline_local_functions(Model& model) {
  if (!model.has_functions) {
    return {};
  }
  onnx::ModelProto proto;
  put_model_head(model, proto);
  put_graph_head(model.graph, {put_whole, put_whole}, *proto.mutable_graph());
  // The weights need not go there and back, but their names must be known to be taken.
  for (const Constant& constant : model.graph.initializers) {
    put_constant(constant, put_empty, *proto.mutable_graph()->add_initializer());
  }
  if (const double nodes = expanded_node_count(proto); nodes > kMaxNodes) {
    return fmt::format("the local functions expand to {:.0f} nodes, more than {:.0f}", nodes,
                       kMaxNodes);
  }
  try {
    onnx::inliner::InlineLocalFunctions(proto, true);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    return "the local functions cannot be expanded: " + printable(error.what(), 300);
  }
  if (proto.functions_size() > 0) {
    return fmt::format(
        "{} local function(s) cannot be expanded: their operator sets are not those "
        "of the model",
        proto.functions_size());
  }
  proto.mutable_graph()->clear_initializer();
  ExternalData none;
  Model expanded = take_model(proto, none);
  expanded.graph.initializers = std::move(model.graph.initializers);
  expanded.path = std::move(model.path);
  model = std::move(expanded);
  return {};
}

}  // namespace ptq
