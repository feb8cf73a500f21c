#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include "onnx_io/proto_tools.h"
#include "onnx_io/read.h"
#include "onnx_io/write.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing_tools::bytes_of;
using testing_tools::difference;
using testing_tools::proto_from_text;
using testing_tools::proto_of;
using testing_tools::small_model;

void expect_lossless(const onnx::ModelProto& proto) {
  const Model model = parse_model(bytes_of(proto), {});
  EXPECT_EQ(difference(proto, proto_of(serialize_model(model))), "");
}

void add_unknown_field(google::protobuf::Message& message) {
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(9999, "future");
}

void add_metadata(google::protobuf::RepeatedPtrField<onnx::StringStringEntryProto>& entries) {
  onnx::StringStringEntryProto& entry = *entries.Add();
  entry.set_key("key");
  entry.set_value("value");
}

TEST(RoundTrip, TheComparisonSeesADifference) {
  onnx::ModelProto changed = small_model();
  changed.mutable_graph()->mutable_initializer(0)->set_float_data(3, 0.25F);
  EXPECT_NE(difference(small_model(), changed), "");
  changed = small_model();
  add_unknown_field(*changed.mutable_graph()->mutable_node(0));
  EXPECT_NE(difference(small_model(), changed), "");
}

TEST(RoundTrip, KeepsASmallModel) {
  expect_lossless(small_model());
}

TEST(RoundTrip, KeepsTextsMetadataAndUnknownFieldsEverywhere) {
  onnx::ModelProto proto = small_model();
  proto.set_producer_name("producer");
  proto.set_producer_version("1.2");
  proto.set_domain("org.example");
  proto.set_model_version(-3);
  proto.set_doc_string("model");
  add_metadata(*proto.mutable_metadata_props());
  add_unknown_field(proto);
  onnx::GraphProto& graph = *proto.mutable_graph();
  graph.set_doc_string("graph");
  add_metadata(*graph.mutable_metadata_props());
  add_unknown_field(graph);
  onnx::NodeProto& node = *graph.mutable_node(0);
  node.set_name("matmul");
  node.set_doc_string("node");
  node.set_overload("o");
  add_metadata(*node.mutable_metadata_props());
  add_unknown_field(node);
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name("a");
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(-5);
  attribute.set_doc_string("attribute");
  add_unknown_field(attribute);
  onnx::TensorProto& tensor = *graph.mutable_initializer(0);
  tensor.set_doc_string("tensor");
  add_metadata(*tensor.mutable_metadata_props());
  add_unknown_field(tensor);
  onnx::ValueInfoProto& input = *graph.mutable_input(0);
  input.set_doc_string("input");
  add_unknown_field(input);
  input.mutable_type()->set_denotation("IMAGE");
  expect_lossless(proto);
}

TEST(RoundTrip, KeepsEveryKindOfAttribute) {
  onnx::ModelProto proto = small_model();
  onnx::NodeProto& node = *proto.mutable_graph()->mutable_node(0);
  const auto add = [&](const char* name, onnx::AttributeProto::AttributeType type) {
    onnx::AttributeProto* attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return attribute;
  };
  using Type = onnx::AttributeProto;
  add("f", Type::FLOAT)->set_f(0.1F);
  add("i", Type::INT)->set_i(int64_t{1} << 60);
  add("zero", Type::INT)->set_i(0);
  add("s", Type::STRING)->set_s(std::string("a\0\xff", 3));
  onnx::TensorProto tensor = proto.graph().initializer(0);
  tensor.set_doc_string("in an attribute");
  *add("t", Type::TENSOR)->mutable_t() = tensor;
  onnx::TensorProto strings;
  strings.set_data_type(onnx::TensorProto::STRING);
  strings.add_dims(1);
  strings.add_string_data("text");
  *add("ts", Type::TENSOR)->mutable_t() = strings;
  add("none", Type::FLOATS);
  auto* floats = add("fs", Type::FLOATS);
  floats->add_floats(1.5F);
  floats->add_floats(-2.5F);
  add("is", Type::INTS)->add_ints(7);
  add("ss", Type::STRINGS)->add_strings("x");
  *add("tensors", Type::TENSORS)->add_tensors() = tensor;
  auto* sparse = add("sparse", Type::SPARSE_TENSOR)->mutable_sparse_tensor();
  *sparse->mutable_values() = proto.graph().initializer(1);
  sparse->mutable_indices()->set_data_type(onnx::TensorProto::INT64);
  sparse->mutable_indices()->add_dims(2);
  sparse->mutable_indices()->add_int64_data(0);
  sparse->mutable_indices()->add_int64_data(3);
  sparse->add_dims(4);
  add("type", Type::TYPE_PROTO)->mutable_tp()->mutable_sequence_type();
  add("g", Type::GRAPH)->mutable_g()->set_name("inner");
  add("gs", Type::GRAPHS)->add_graphs()->set_name("one of many");
  add("ref", Type::INT)->set_ref_attr_name("outer");
  expect_lossless(proto);

  const Model model = parse_model(bytes_of(proto), {});
  const Node& read = model.graph.nodes[0];
  EXPECT_EQ(read.float_attribute("f", 0), 0.1F);
  EXPECT_EQ(read.int_attribute("i", 0), int64_t{1} << 60);
  EXPECT_EQ(read.find_attribute("t")->kind, AttributeKind::kTensor);
  EXPECT_EQ(read.find_attribute("t")->t.data<float>()[7], 8.0F);
  EXPECT_EQ(read.find_attribute("ts")->kind, AttributeKind::kOther);
  EXPECT_EQ(read.find_attribute("ref")->kind, AttributeKind::kOther);
  EXPECT_EQ(read.find_attribute("g")->graphs.size(), 1U);
}

TEST(RoundTrip, KeepsInnerGraphs) {
  expect_lossless(proto_from_text(R"(
    <ir_version: 8, opset_import: ["" : 17]>
    g (bool c, float[2] x) => (float[2] y)
    <float[2] w = {1, 2}>
    {
      y = If (c) <
        then_branch = g1 () => (float[2] a) { a = Add (x, w) },
        else_branch = g2 () => (float[2] a) <float[2] w2 = {3, 4}> {
          b = If (c) <then_branch = g3 () => (float[2] d) { d = Mul (x, w2) },
                      else_branch = g4 () => (float[2] d) { d = Identity (w2) }>
          a = Relu (b)
        }
      >
    })"));
}

TEST(RoundTrip, KeepsFunctions) {
  onnx::ModelProto proto = proto_from_text(R"(
    <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
    g (float[N] x) => (float[N] y) { y = local.scaled <factor = 3.0> (x) }
    <domain: "local", opset_import: ["" : 17]>
    scaled <factor> (a) => (b)
    {
      f = Constant <value_float: float = @factor> ()
      b = Mul (a, f)
    })");
  expect_lossless(proto);
  EXPECT_TRUE(parse_model(bytes_of(proto), {}).has_functions);
  EXPECT_FALSE(parse_model(bytes_of(small_model()), {}).has_functions);
}

TEST(RoundTrip, KeepsSparseInitializersAnnotationsAndTraining) {
  onnx::ModelProto proto = small_model();
  onnx::GraphProto& graph = *proto.mutable_graph();
  onnx::SparseTensorProto& sparse = *graph.add_sparse_initializer();
  *sparse.mutable_values() = graph.initializer(1);
  sparse.mutable_values()->set_name("sparse");
  sparse.mutable_indices()->set_data_type(onnx::TensorProto::INT64);
  sparse.mutable_indices()->add_dims(2);
  sparse.mutable_indices()->add_int64_data(0);
  sparse.mutable_indices()->add_int64_data(3);
  sparse.add_dims(4);
  graph.mutable_node(1)->set_input(1, "sparse");  // a definition like any other
  onnx::TensorAnnotation& annotation = *graph.add_quantization_annotation();
  annotation.set_tensor_name("m");
  onnx::StringStringEntryProto& entry = *annotation.add_quant_parameter_tensor_names();
  entry.set_key("SCALE_TENSOR");
  entry.set_value("b");
  onnx::TrainingInfoProto& training = *proto.add_training_info();
  training.mutable_algorithm()->set_name("sgd");
  *training.mutable_algorithm()->add_initializer() = graph.initializer(0);
  expect_lossless(proto);
}

TEST(RoundTrip, KeepsDeclarationsOfEveryType) {
  onnx::ModelProto proto = small_model();
  onnx::GraphProto& graph = *proto.mutable_graph();
  const auto add = [&](const char* name) {
    onnx::ValueInfoProto* info = graph.add_value_info();
    info->set_name(name);
    return info->mutable_type();
  };
  add("m")->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  add("seq")->mutable_sequence_type()->mutable_elem_type()->mutable_tensor_type();
  add("map")->mutable_map_type()->set_key_type(onnx::TensorProto::STRING);
  add("opt")->mutable_optional_type()->mutable_elem_type();
  add("sp")->mutable_sparse_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  graph.add_value_info()->set_name("nothing");
  auto& tensor = *add("s")->mutable_tensor_type();
  tensor.set_elem_type(onnx::TensorProto::FLOAT8E5M2);
  tensor.mutable_shape()->add_dim()->set_dim_param("batch");
  tensor.mutable_shape()->add_dim();
  tensor.mutable_shape()->add_dim()->set_dim_value(-1);
  tensor.mutable_shape()->add_dim()->set_denotation("DATA_CHANNEL");
  expect_lossless(proto);

  const Model model = parse_model(bytes_of(proto), {});
  const ValueInfo& read = model.graph.value_infos.back();
  EXPECT_TRUE(read.has_shape);
  EXPECT_THAT(read.shape, ElementsAre(-1, -1, -1, -1));
  EXPECT_THAT(read.symbols, ElementsAre("batch", "", "", ""));
  EXPECT_EQ(model.graph.value_infos[0].dtype, DType::kFloat);
  EXPECT_FALSE(model.graph.value_infos[0].has_shape);
  EXPECT_EQ(model.graph.value_infos[1].dtype, DType::kUndefined);
}

TEST(RoundTrip, KeepsTensorsOfEveryType) {
  onnx::ModelProto proto = small_model();
  for (int type = 1; type <= onnx::TensorProto::INT2; ++type) {
    onnx::TensorProto& tensor = *proto.mutable_graph()->add_initializer();
    tensor.set_name(fmt::format("t{}", type));
    tensor.set_data_type(type);
    tensor.add_dims(type == onnx::TensorProto::STRING ? 2 : 0);
    if (type == onnx::TensorProto::STRING) {
      tensor.add_string_data("a");
      tensor.add_string_data("");
    }
  }
  expect_lossless(proto);
}

TEST(RoundTrip, ReadsTheAliasOfTheStandardDomain) {
  onnx::ModelProto proto = small_model();
  proto.mutable_opset_import(0)->set_domain("ai.onnx");
  proto.mutable_graph()->mutable_node(0)->set_domain("ai.onnx");
  expect_lossless(proto);
  const Model model = parse_model(bytes_of(proto), {});
  EXPECT_EQ(model.opset(), 17);
  EXPECT_TRUE(model.graph.nodes[0].is("MatMul"));
}

TEST(RoundTrip, TypesAttributesThatHaveNoType) {
  onnx::ModelProto proto = small_model();
  onnx::AttributeProto& attribute = *proto.mutable_graph()->mutable_node(0)->add_attribute();
  attribute.set_name("axis");
  attribute.set_i(3);
  const Model model = parse_model(bytes_of(proto), {});
  EXPECT_EQ(model.graph.nodes[0].int_attribute("axis", 0), 3);
  attribute.set_type(onnx::AttributeProto::INT);
  EXPECT_EQ(difference(proto, proto_of(serialize_model(model))), "");
}

TEST(RoundTrip, WritesChangedFieldsAndKeepsTheirNeighbours) {
  onnx::ModelProto proto = small_model();
  onnx::NodeProto& node = *proto.mutable_graph()->mutable_node(0);
  node.set_doc_string("stays");
  Model model = parse_model(bytes_of(proto), {});
  model.graph.nodes[0].op_type = "Gemm";
  model.graph.nodes[0].set_attribute("alpha", 2.0F);
  model.graph.initializers[0].tensor.mutable_data<float>()[0] = 42;
  model.graph.outputs[0].shape[0] = 5;
  model.graph.outputs[0].verbatim.clear();
  model.set_opset("", 21);
  const onnx::ModelProto written = proto_of(serialize_model(model));
  EXPECT_EQ(written.graph().node(0).op_type(), "Gemm");
  EXPECT_EQ(written.graph().node(0).doc_string(), "stays");
  EXPECT_EQ(written.graph().node(0).attribute(0).f(), 2.0F);
  EXPECT_EQ(written.graph().output(0).type().tensor_type().shape().dim(0).dim_value(), 5);
  EXPECT_EQ(written.opset_import(0).version(), 21);
  EXPECT_EQ(parse_model(serialize_model(model), {}).graph.initializers[0].tensor.data<float>()[0],
            42);
}

TEST(RoundTrip, BytesAreTheSameEachTime) {
  const std::string first = serialize_model(parse_model(bytes_of(small_model()), {}));
  EXPECT_EQ(serialize_model(parse_model(bytes_of(small_model()), {})), first);
  EXPECT_EQ(serialize_model(parse_model(first, {})), first);
}

}  // namespace
}  // namespace ptq
