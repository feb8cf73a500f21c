#include "onnx_io/infer_shapes.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "core/log.h"
#include "onnx/onnx_pb.h"
#include "onnx/shape_inference/implementation.h"
#include "onnx_io/graph_to_proto.h"
#include "onnx_io/proto_to_graph.h"
#include "onnx_io/proto_walk.h"
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

void collect_domains(const Graph& graph, std::set<std::string>& domains) {
  for (const Node& node : graph.nodes) {
    domains.insert(node.domain);
    for (const Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        collect_domains(*inner, domains);
      }
    }
  }
}

// The library gives up on the whole model where one operator set is not imported.
void add_missing_imports(const Graph& graph, onnx::ModelProto& proto) {
  std::set<std::string> domains;
  collect_domains(graph, domains);
  for (const onnx::OperatorSetIdProto& import : proto.opset_import()) {
    domains.erase(import.domain());
  }
  for (const std::string& domain : domains) {
    onnx::OperatorSetIdProto& import = *proto.add_opset_import();
    import.set_domain(domain);
    import.set_version(1);
  }
}

// Terms of letters with at most one "..." each, between commas, and at most one "->". The library
// (1.23) may never return from an Einsum with another equation.
bool is_plain_equation(std::string_view text) {
  bool has_dots = false;
  bool has_arrow = false;
  while (!text.empty()) {
    size_t taken = 1;
    if (text.starts_with("...") && !has_dots) {
      has_dots = true;
      taken = 3;
    } else if (text.starts_with("->") && !has_arrow) {
      has_arrow = true;
      has_dots = false;
      taken = 2;
    } else if (text[0] == ',') {
      has_dots = false;
    } else if (text[0] != ' ' && !(text[0] >= 'a' && text[0] <= 'z') &&
               !(text[0] >= 'A' && text[0] <= 'Z')) {
      return false;
    }
    text.remove_prefix(taken);
  }
  return true;
}

bool is_odd_einsum(const onnx::NodeProto& node) {
  return node.op_type() == "Einsum" && std::any_of(node.attribute().begin(), node.attribute().end(),
                                                   [](const onnx::AttributeProto& attribute) {
                                                     return attribute.name() == "equation" &&
                                                            !is_plain_equation(attribute.s());
                                                   });
}

// Inference knows nothing of a node in an operator set of no one.
void hide_odd_nodes(onnx::ModelProto& proto) {
  constexpr const char* kNoDomain = "ptq.hidden";
  bool has_hidden = false;
  walk_messages(proto, [&](google::protobuf::Message& message, const MessagePath&) {
    auto* node = dynamic_cast<onnx::NodeProto*>(&message);
    if (node != nullptr && is_odd_einsum(*node)) {
      node->set_domain(kNoDomain);
      has_hidden = true;
    }
  });
  if (has_hidden) {
    onnx::OperatorSetIdProto import;
    import.set_domain(kNoDomain);
    import.set_version(1);
    *proto.add_opset_import() = import;
    for (onnx::FunctionProto& function : *proto.mutable_functions()) {
      *function.add_opset_import() = import;
    }
  }
}

onnx::ModelProto make_light_model(const Model& model) {
  onnx::ModelProto proto;
  put_model_head(model, proto);
  add_missing_imports(model.graph, proto);
  put_graph(model.graph, {put_light_tensor, put_light_tensor}, *proto.mutable_graph());
  hide_odd_nodes(proto);
  return proto;
}

// Removes what the model says of inner values and of shapes of outputs.
void clear_declarations(onnx::GraphProto& graph) {
  graph.clear_value_info();
  for (onnx::ValueInfoProto& output : *graph.mutable_output()) {
    if (output.type().has_tensor_type()) {
      output.mutable_type()->mutable_tensor_type()->clear_shape();
    }
  }
}

bool contradicts(const ValueInfo& declared, const ValueInfo& inferred) {
  if (declared.dtype == DType::kUndefined || inferred.dtype == DType::kUndefined) {
    return false;
  }
  if (declared.dtype != inferred.dtype) {
    return true;
  }
  if (!declared.has_shape || !inferred.has_shape) {
    return false;
  }
  if (declared.shape.size() != inferred.shape.size()) {
    return true;
  }
  for (size_t k = 0; k < declared.shape.size(); ++k) {
    if (declared.shape[k] >= 0 && inferred.shape[k] >= 0 &&
        declared.shape[k] != inferred.shape[k]) {
      return true;
    }
  }
  return false;
}

// Removes declarations in `graph` that what was `inferred` without them contradicts. They would
// hide what inference finds, and runtimes ignore them too.
void drop_wrong_declarations(const onnx::GraphProto& inferred, onnx::GraphProto& graph) {
  std::unordered_map<std::string, ValueInfo> found;
  for (const auto* list : {&inferred.value_info(), &inferred.output()}) {
    for (const onnx::ValueInfoProto& proto : *list) {
      found.emplace(proto.name(), read_value_info(proto));
    }
  }
  const auto is_wrong = [&](const onnx::ValueInfoProto& declared) {
    const auto entry = found.find(declared.name());
    return entry != found.end() && contradicts(read_value_info(declared), entry->second);
  };
  auto& infos = *graph.mutable_value_info();
  infos.erase(std::remove_if(infos.begin(), infos.end(), is_wrong), infos.end());
  for (onnx::ValueInfoProto& output : *graph.mutable_output()) {
    if (is_wrong(output)) {
      output.mutable_type()->mutable_tensor_type()->clear_shape();
    }
  }
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

// Two runs: one that believes nothing and follows no data, to learn which declarations are wrong
// and whether following data is affordable; then the real one.
std::optional<std::string> infer(const Model& model, onnx::ModelProto& proto) {
  onnx::ModelProto bare = make_light_model(model);
  clear_declarations(*bare.mutable_graph());
  const std::optional<std::string> bare_problem = run_inference(bare, false);
  proto = make_light_model(model);
  if (!bare_problem) {
    drop_wrong_declarations(bare.graph(), *proto.mutable_graph());
  }
  const bool follow_data = !has_long_vector(bare.graph()) && !has_long_vector(proto.graph());
  std::optional<std::string> problem = run_inference(proto, follow_data);
  if (problem && !bare_problem) {
    proto = std::move(bare);
    return std::nullopt;
  }
  return problem;
}

// Adds to `declared` what `inferred` knows more.
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

void merge_infos(const onnx::GraphProto& inferred, Graph& graph);

// Inference keeps nodes and attributes in their places.
void merge_inner(const onnx::GraphProto& inferred, Graph& graph) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const onnx::NodeProto& node = inferred.node(static_cast<int>(i));
    for (const Attribute& attribute : graph.nodes[i].attributes) {
      if (attribute.graphs.empty()) {
        continue;
      }
      const auto found = std::find_if(
          node.attribute().begin(), node.attribute().end(),
          [&](const onnx::AttributeProto& proto) { return proto.name() == attribute.name; });
      PTQ_CHECK(found != node.attribute().end());
      if (attribute.kind == AttributeKind::kGraph) {
        merge_infos(found->g(), *attribute.graphs[0]);
        continue;
      }
      for (size_t k = 0; k < attribute.graphs.size(); ++k) {
        merge_infos(found->graphs(static_cast<int>(k)), *attribute.graphs[k]);
      }
    }
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
  merge_inner(inferred, graph);
}

}  // namespace

void infer_shapes(Model& model) {
  onnx::ModelProto proto;
  const std::optional<std::string> problem = infer(model, proto);
  if (problem) {
    log_warn("shape inference failed, shapes of inner values may be unknown: " + *problem);
    return;
  }
  merge_infos(proto.graph(), model.graph);
}

}  // namespace ptq
