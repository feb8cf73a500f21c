#include "onnx_io/infer_shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "core/log.h"
#include "onnx/onnx_pb.h"
#include "onnx/shape_inference/implementation.h"
#include "onnx_io/graph_to_proto.h"
#include "onnx_io/proto_to_graph.h"
#include "onnx_io/tensor_proto.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// Inference reads values only where they are shapes, axes, scales and the like.
constexpr int64_t kMaxReadElements = 1 << 16;

// With data propagation the library makes an object for each element of a 1-D tensor it looks into.
constexpr int64_t kMaxVectorToFollow = 1 << 20;

void put_light_tensor(const Tensor& tensor, onnx::TensorProto& proto) {
  put_tensor(tensor, proto, tensor.size() <= kMaxReadElements);
}

// `with_declarations` false leaves out what the model says of inner values and the shapes of outputs.
onnx::ModelProto make_light_model(const Model& model, bool with_declarations) {
  onnx::ModelProto proto;
  put_model_head(model, proto);
  onnx::GraphProto& graph = *proto.mutable_graph();
  put_graph(model.graph, {put_light_tensor, put_light_tensor}, graph);
  if (!with_declarations) {
    graph.clear_value_info();
    for (onnx::ValueInfoProto& output : *graph.mutable_output()) {
      if (output.type().has_tensor_type()) {
        output.mutable_type()->mutable_tensor_type()->clear_shape();
      }
    }
  }
  return proto;
}

bool is_long_vector(const ValueInfo& info) {
  return info.has_shape && info.shape.size() == 1 && info.shape[0] > kMaxVectorToFollow;
}

bool has_long_vector(const onnx::GraphProto& graph) {
  const auto is_long = [](const onnx::ValueInfoProto& proto) {
    return is_long_vector(read_value_info(proto));
  };
  return std::any_of(graph.input().begin(), graph.input().end(), is_long) ||
         std::any_of(graph.value_info().begin(), graph.value_info().end(), is_long) ||
         std::any_of(graph.initializer().begin(), graph.initializer().end(),
                     [](const onnx::TensorProto& tensor) {
                       return tensor.dims_size() == 1 && tensor.dims(0) > kMaxVectorToFollow;
                     });
}

// Runs inference in place. Returns what went wrong, or nothing.
std::optional<std::string> run_inference(onnx::ModelProto& proto, bool follow_data) {
  const onnx::ShapeInferenceOptions options(false, 0, follow_data);
  try {
    onnx::shape_inference::InferShapes(proto, onnx::OpSchemaRegistry::Instance(), options);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    return printable(error.what(), 300);
  }
  return std::nullopt;
}

std::optional<std::string> infer(const Model& model, bool with_declarations,
                                 onnx::ModelProto& proto) {
  proto = make_light_model(model, with_declarations);
  std::optional<std::string> problem = run_inference(proto, false);
  if (problem || has_long_vector(proto.graph())) {
    return problem;
  }
  proto = make_light_model(model, with_declarations);
  problem = run_inference(proto, true);
  if (problem) {  // take what is found without following data
    proto = make_light_model(model, with_declarations);
    problem = run_inference(proto, false);
  }
  return problem;
}

// Adds to `declared` what `inferred` knows more. Where they contradict each other, inference is right:
// runtimes ignore such declarations too.
void merge_info(const ValueInfo& inferred, ValueInfo& declared) {
  ValueInfo merged = inferred;
  if (merged.dtype == DType::kUndefined) {
    return;
  }
  if (!merged.has_shape) {
    merged.has_shape = declared.has_shape;
    merged.shape = declared.shape;
    merged.symbols = declared.symbols;
  } else if (declared.has_shape && declared.shape.size() == merged.shape.size()) {
    for (size_t k = 0; k < merged.shape.size(); ++k) {
      if (merged.shape[k] < 0) {
        merged.shape[k] = declared.shape[k];
        merged.symbols[k] = declared.symbols[k].empty() ? merged.symbols[k] : declared.symbols[k];
      }
    }
  }
  const bool is_same = merged.dtype == declared.dtype && merged.has_shape == declared.has_shape &&
                       merged.shape == declared.shape && merged.symbols == declared.symbols;
  if (!is_same) {
    merged.verbatim.clear();
    declared = std::move(merged);
  }
}

void merge_infos(const onnx::GraphProto& inferred, Graph& graph) {
  std::unordered_map<std::string_view, const onnx::ValueInfoProto*> found;
  for (const onnx::ValueInfoProto& proto : inferred.value_info()) {
    found.emplace(proto.name(), &proto);
  }
  std::unordered_set<std::string> known;
  for (const ValueInfo& output : graph.outputs) {
    known.insert(output.name);  // has its declaration there
  }
  for (ValueInfo& info : graph.value_infos) {
    known.insert(info.name);
    const auto entry = found.find(info.name);
    if (entry != found.end()) {
      merge_info(read_value_info(*entry->second), info);
    }
  }
  for (const Node& node : graph.nodes) {
    for (const std::string& name : node.outputs) {
      const auto entry = found.find(name);
      if (entry == found.end() || !known.insert(name).second) {
        continue;
      }
      ValueInfo info = read_value_info(*entry->second);
      if (info.dtype != DType::kUndefined) {
        info.verbatim.clear();  // written from the fields
      }
      graph.value_infos.push_back(std::move(info));
    }
  }
}

}  // namespace

void infer_shapes(Model& model) {
  onnx::ModelProto proto;
  std::optional<std::string> problem = infer(model, true, proto);
  if (problem) {
    log_debug("shape inference contradicts declared shapes, which are ignored: " + *problem);
    problem = infer(model, false, proto);
  }
  if (problem) {
    log_warn("shape inference failed, shapes of inner values may be unknown: " + *problem);
    return;
  }
  merge_infos(proto.graph(), model.graph);
}

}  // namespace ptq
