#include "onnx_io/graph_to_proto.h"

#include "onnx/onnx_pb.h"
#include "onnx_io/tensor_proto.h"
#include "ptq/error.h"

namespace ptq {
namespace {

template <typename Proto>
void parse_verbatim(const std::string& bytes, Proto& proto) {
  // A defect where it fails: the bytes were written by this room.
  PTQ_CHECK(bytes.empty() || proto.ParsePartialFromString(bytes));
}

// Fields of another kind may be in the rest of an attribute that has got a new value.
void clear_values(onnx::AttributeProto& proto, bool keep_tensor) {
  proto.clear_i();
  proto.clear_f();
  proto.clear_s();
  proto.clear_g();
  proto.clear_ints();
  proto.clear_floats();
  proto.clear_strings();
  proto.clear_graphs();
  proto.clear_tensors();
  proto.clear_sparse_tensor();
  proto.clear_sparse_tensors();
  proto.clear_tp();
  proto.clear_type_protos();
  proto.clear_ref_attr_name();
  if (!keep_tensor) {
    proto.clear_t();
  }
}

void put_value(const Attribute& attribute, const TensorWriters& writers,
               onnx::AttributeProto& proto) {
  switch (attribute.kind) {
    case AttributeKind::kInt:
      proto.set_type(onnx::AttributeProto::INT);
      proto.set_i(attribute.i);
      break;
    case AttributeKind::kFloat:
      proto.set_type(onnx::AttributeProto::FLOAT);
      proto.set_f(attribute.f);
      break;
    case AttributeKind::kString:
      proto.set_type(onnx::AttributeProto::STRING);
      proto.set_s(attribute.s);
      break;
    case AttributeKind::kTensor:
      proto.set_type(onnx::AttributeProto::TENSOR);
      writers.attribute(attribute.t, *proto.mutable_t());
      break;
    case AttributeKind::kInts:
      proto.set_type(onnx::AttributeProto::INTS);
      proto.mutable_ints()->Add(attribute.ints.begin(), attribute.ints.end());
      break;
    case AttributeKind::kFloats:
      proto.set_type(onnx::AttributeProto::FLOATS);
      proto.mutable_floats()->Add(attribute.floats.begin(), attribute.floats.end());
      break;
    case AttributeKind::kStrings:
      proto.set_type(onnx::AttributeProto::STRINGS);
      for (const std::string& text : attribute.strings) {
        proto.add_strings(text);
      }
      break;
    case AttributeKind::kGraph:
      PTQ_CHECK(attribute.graphs.size() == 1);
      proto.set_type(onnx::AttributeProto::GRAPH);
      put_graph(*attribute.graphs[0], writers, *proto.mutable_g());
      break;
    case AttributeKind::kGraphs:
      proto.set_type(onnx::AttributeProto::GRAPHS);
      for (const std::shared_ptr<Graph>& graph : attribute.graphs) {
        put_graph(*graph, writers, *proto.add_graphs());
      }
      break;
    case AttributeKind::kOther:
      break;
  }
}

void put_attribute(const Attribute& attribute, const TensorWriters& writers,
                   onnx::AttributeProto& proto) {
  parse_verbatim(attribute.verbatim, proto);
  proto.set_name(attribute.name);
  if (attribute.kind != AttributeKind::kOther) {
    clear_values(proto, attribute.kind == AttributeKind::kTensor);
    put_value(attribute, writers, proto);
  }
}

void put_node(const Node& node, const TensorWriters& writers, onnx::NodeProto& proto) {
  parse_verbatim(node.verbatim, proto);
  if (!node.name.empty()) {
    proto.set_name(node.name);
  }
  if (!node.domain.empty()) {
    proto.set_domain(node.domain);
  }
  proto.set_op_type(node.op_type);
  for (const std::string& input : node.inputs) {
    proto.add_input(input);
  }
  for (const std::string& output : node.outputs) {
    proto.add_output(output);
  }
  for (const Attribute& attribute : node.attributes) {
    put_attribute(attribute, writers, *proto.add_attribute());
  }
}

}  // namespace

void put_value_info(const ValueInfo& info, onnx::ValueInfoProto& proto) {
  if (!info.verbatim.empty()) {
    parse_verbatim(info.verbatim, proto);
    return;
  }
  proto.set_name(info.name);
  if (info.dtype == DType::kUndefined) {
    return;
  }
  onnx::TypeProto_Tensor& type = *proto.mutable_type()->mutable_tensor_type();
  type.set_elem_type(static_cast<int32_t>(info.dtype));
  if (!info.has_shape) {
    return;
  }
  type.mutable_shape();  // a scalar has a shape without dimensions
  for (size_t k = 0; k < info.shape.size(); ++k) {
    onnx::TensorShapeProto_Dimension& dim = *type.mutable_shape()->add_dim();
    if (info.shape[k] >= 0) {
      dim.set_dim_value(info.shape[k]);
    } else if (k < info.symbols.size() && !info.symbols[k].empty()) {
      dim.set_dim_param(info.symbols[k]);
    }
  }
}

void put_constant(const Constant& constant, const PutTensor& put_payload,
                  onnx::TensorProto& proto) {
  parse_verbatim(constant.verbatim, proto);
  proto.set_name(constant.name);
  if (!is_opaque(constant.tensor.dtype())) {
    put_payload(constant.tensor, proto);
  }
}

void put_graph_head(const Graph& graph, const TensorWriters& writers, onnx::GraphProto& proto) {
  parse_verbatim(graph.verbatim, proto);
  proto.set_name(graph.name);
  for (const Node& node : graph.nodes) {
    put_node(node, writers, *proto.add_node());
  }
  for (const ValueInfo& info : graph.inputs) {
    put_value_info(info, *proto.add_input());
  }
  for (const ValueInfo& info : graph.outputs) {
    put_value_info(info, *proto.add_output());
  }
  for (const ValueInfo& info : graph.value_infos) {
    put_value_info(info, *proto.add_value_info());
  }
}

void put_graph(const Graph& graph, const TensorWriters& writers, onnx::GraphProto& proto) {
  put_graph_head(graph, writers, proto);
  for (const Constant& constant : graph.initializers) {
    put_constant(constant, writers.initializer, *proto.add_initializer());
  }
}

void put_model_head(const Model& model, onnx::ModelProto& proto) {
  parse_verbatim(model.verbatim, proto);
  proto.set_ir_version(model.ir_version);
  for (const OpsetImport& import : model.opset_imports) {
    onnx::OperatorSetIdProto& opset = *proto.add_opset_import();
    opset.set_domain(import.domain);
    opset.set_version(import.version);
  }
}

}  // namespace ptq
