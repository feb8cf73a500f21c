#include "onnx_io/proto_to_graph.h"

#include <algorithm>
#include <array>
#include <utility>

#include "onnx/onnx_pb.h"
#include "onnx_io/tensor_proto.h"
#include "ptq/error.h"

namespace ptq {
namespace {

Graph take_graph(onnx::GraphProto& proto, ExternalData& external);

// Serialized `rest`; "" when nothing is in it.
std::string verbatim_of(const google::protobuf::Message& rest) {
  std::string bytes;
  PTQ_CHECK(rest.SerializePartialToString(&bytes));
  return bytes;
}

std::string canonical_domain(const std::string& domain) {
  return domain == "ai.onnx" ? std::string() : domain;
}

// The type, or for a model of IR version 1, which has none, that of the one value there is.
onnx::AttributeProto::AttributeType type_of(const onnx::AttributeProto& proto) {
  using Type = onnx::AttributeProto;
  if (proto.type() != Type::UNDEFINED) {
    return proto.type();
  }
  const std::array candidates = {std::pair(proto.has_i(), Type::INT),
                                 std::pair(proto.has_f(), Type::FLOAT),
                                 std::pair(proto.has_s(), Type::STRING),
                                 std::pair(proto.has_t(), Type::TENSOR),
                                 std::pair(proto.has_g(), Type::GRAPH),
                                 std::pair(proto.ints_size() > 0, Type::INTS),
                                 std::pair(proto.floats_size() > 0, Type::FLOATS),
                                 std::pair(proto.strings_size() > 0, Type::STRINGS),
                                 std::pair(proto.graphs_size() > 0, Type::GRAPHS)};
  auto type = Type::UNDEFINED;
  for (const auto& [is_present, candidate] : candidates) {
    if (is_present) {
      if (type != Type::UNDEFINED) {
        return Type::UNDEFINED;
      }
      type = candidate;
    }
  }
  return type;
}

AttributeKind kind_of(const onnx::AttributeProto& proto) {
  if (!proto.ref_attr_name().empty()) {
    return AttributeKind::kOther;
  }
  switch (type_of(proto)) {
    case onnx::AttributeProto::INT:
      return AttributeKind::kInt;
    case onnx::AttributeProto::FLOAT:
      return AttributeKind::kFloat;
    case onnx::AttributeProto::STRING:
      return AttributeKind::kString;
    case onnx::AttributeProto::GRAPH:
      return AttributeKind::kGraph;
    case onnx::AttributeProto::INTS:
      return AttributeKind::kInts;
    case onnx::AttributeProto::FLOATS:
      return AttributeKind::kFloats;
    case onnx::AttributeProto::STRINGS:
      return AttributeKind::kStrings;
    case onnx::AttributeProto::GRAPHS:
      return AttributeKind::kGraphs;
    case onnx::AttributeProto::TENSOR:
      return is_opaque(static_cast<DType>(proto.t().data_type())) ? AttributeKind::kOther
                                                                  : AttributeKind::kTensor;
    default:
      return AttributeKind::kOther;
  }
}

// Moves the value out of `proto`, which keeps the rest.
void take_value(onnx::AttributeProto& proto, ExternalData& external, Attribute& attribute) {
  switch (attribute.kind) {
    case AttributeKind::kInt:
      attribute.i = proto.i();
      proto.clear_i();
      break;
    case AttributeKind::kFloat:
      attribute.f = proto.f();
      proto.clear_f();
      break;
    case AttributeKind::kString:
      attribute.s = std::move(*proto.mutable_s());
      proto.clear_s();
      break;
    case AttributeKind::kTensor:
      attribute.t = take_tensor(*proto.mutable_t(), external);
      if (proto.t().ByteSizeLong() == 0) {
        proto.clear_t();
      }
      break;
    case AttributeKind::kGraph:
      attribute.graphs.push_back(std::make_shared<Graph>(take_graph(*proto.mutable_g(), external)));
      proto.clear_g();
      break;
    case AttributeKind::kInts:
      attribute.ints.assign(proto.ints().begin(), proto.ints().end());
      proto.clear_ints();
      break;
    case AttributeKind::kFloats:
      attribute.floats.assign(proto.floats().begin(), proto.floats().end());
      proto.clear_floats();
      break;
    case AttributeKind::kStrings:
      attribute.strings.assign(proto.strings().begin(), proto.strings().end());
      proto.clear_strings();
      break;
    case AttributeKind::kGraphs:
      for (onnx::GraphProto& graph : *proto.mutable_graphs()) {
        attribute.graphs.push_back(std::make_shared<Graph>(take_graph(graph, external)));
      }
      proto.clear_graphs();
      break;
    case AttributeKind::kOther:
      break;
  }
}

Attribute take_attribute(onnx::AttributeProto& proto, ExternalData& external) {
  Attribute attribute;
  attribute.name = proto.name();
  attribute.kind = kind_of(proto);
  if (attribute.kind == AttributeKind::kOther) {
    embed_external_data(proto, external);
  } else {
    take_value(proto, external, attribute);
    proto.clear_name();
    proto.clear_type();
  }
  attribute.verbatim = verbatim_of(proto);
  return attribute;
}

Node take_node(onnx::NodeProto& proto, ExternalData& external) {
  Node node;
  node.name = std::move(*proto.mutable_name());
  node.domain = canonical_domain(proto.domain());
  node.op_type = std::move(*proto.mutable_op_type());
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  node.attributes.reserve(static_cast<size_t>(proto.attribute_size()));
  for (onnx::AttributeProto& attribute : *proto.mutable_attribute()) {
    node.attributes.push_back(take_attribute(attribute, external));
  }
  proto.clear_name();
  proto.clear_domain();
  proto.clear_op_type();
  proto.clear_input();
  proto.clear_output();
  proto.clear_attribute();
  node.verbatim = verbatim_of(proto);
  return node;
}

Constant take_constant(onnx::TensorProto& proto, ExternalData& external) {
  Constant constant;
  constant.name = proto.name();
  try {
    constant.tensor = take_tensor(proto, external);
  } catch (Error& error) {
    error.add_context("tensor '" + printable(constant.name) + "'");
    throw;
  }
  if (!is_opaque(constant.tensor.dtype())) {
    proto.clear_name();
  }
  constant.verbatim = verbatim_of(proto);
  return constant;
}

std::vector<ValueInfo> read_value_infos(
    const google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>& protos) {
  std::vector<ValueInfo> infos;
  infos.reserve(static_cast<size_t>(protos.size()));
  for (const onnx::ValueInfoProto& proto : protos) {
    infos.push_back(read_value_info(proto));
  }
  return infos;
}

Graph take_graph(onnx::GraphProto& proto, ExternalData& external) {
  Graph graph;
  graph.name = proto.name();
  graph.nodes.reserve(static_cast<size_t>(proto.node_size()));
  for (onnx::NodeProto& node : *proto.mutable_node()) {
    graph.nodes.push_back(take_node(node, external));
  }
  graph.initializers.reserve(static_cast<size_t>(proto.initializer_size()));
  for (onnx::TensorProto& initializer : *proto.mutable_initializer()) {
    graph.initializers.push_back(take_constant(initializer, external));
  }
  graph.inputs = read_value_infos(proto.input());
  graph.outputs = read_value_infos(proto.output());
  graph.value_infos = read_value_infos(proto.value_info());
  proto.clear_name();
  proto.clear_node();
  proto.clear_initializer();
  proto.clear_input();
  proto.clear_output();
  proto.clear_value_info();
  embed_external_data(proto, external);  // sparse initializers
  graph.verbatim = verbatim_of(proto);
  return graph;
}

}  // namespace

ValueInfo read_value_info(const onnx::ValueInfoProto& proto) {
  ValueInfo info;
  info.name = proto.name();
  info.verbatim = verbatim_of(proto);
  if (!proto.type().has_tensor_type()) {
    return info;
  }
  const onnx::TypeProto_Tensor& type = proto.type().tensor_type();
  if (onnx_bit_width(type.elem_type())) {
    info.dtype = static_cast<DType>(type.elem_type());
  }
  info.has_shape = type.has_shape();
  for (const onnx::TensorShapeProto_Dimension& dim : type.shape().dim()) {
    // Some exporters write -1 for "unknown".
    info.shape.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : -1);
    info.symbols.push_back(dim.dim_param());
  }
  return info;
}

Model take_model(onnx::ModelProto& proto, ExternalData& external) {
  Model model;
  model.ir_version = proto.ir_version();
  for (const onnx::OperatorSetIdProto& import : proto.opset_import()) {
    const std::string domain = canonical_domain(import.domain());
    const bool is_repeated =
        std::any_of(model.opset_imports.begin(), model.opset_imports.end(),
                    [&](const OpsetImport& earlier) { return earlier.domain == domain; });
    if (!is_repeated) {  // check_model allows a repetition of the same version only
      model.opset_imports.push_back({domain, import.version()});
    }
  }
  model.has_functions = proto.functions_size() > 0;
  model.graph = take_graph(*proto.mutable_graph(), external);
  proto.clear_ir_version();
  proto.clear_opset_import();
  proto.clear_graph();
  embed_external_data(proto, external);  // functions, training information
  model.verbatim = verbatim_of(proto);
  return model;
}

}  // namespace ptq
