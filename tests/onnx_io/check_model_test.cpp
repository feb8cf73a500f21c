#include <limits>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/proto_tools.h"
#include "onnx_io/read.h"

namespace ptq {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_tools::bytes_of;
using testing_tools::proto_from_text;
using testing_tools::refusal_of;
using testing_tools::small_model;

onnx::TensorProto& weight(onnx::ModelProto& proto) {
  return *proto.mutable_graph()->mutable_initializer(0);
}

TEST(CheckModel, AcceptsTheModelThatTheOthersBreak) {
  EXPECT_EQ(refusal_of(small_model()), "");
}

TEST(CheckModel, RefusesUnknownVersions) {
  onnx::ModelProto proto = small_model();
  proto.set_ir_version(0);
  EXPECT_THAT(refusal_of(proto), HasSubstr("IR version"));
  proto.set_ir_version(10'000);
  EXPECT_THAT(refusal_of(proto), HasSubstr("newer than ptq knows"));
  proto.clear_ir_version();
  EXPECT_THAT(refusal_of(proto), HasSubstr("IR version"));
}

TEST(CheckModel, ReadsOpsets6To25) {
  for (const int opset : {6, 25}) {
    onnx::ModelProto proto = small_model();
    proto.mutable_opset_import(0)->set_version(opset);
    EXPECT_EQ(refusal_of(proto), "") << opset;
  }
  onnx::ModelProto proto = small_model();
  proto.mutable_opset_import(0)->set_version(5);
  EXPECT_THAT(refusal_of(proto), HasSubstr("opset 5 is older"));
  proto.mutable_opset_import(0)->set_version(26);
  EXPECT_THAT(refusal_of(proto), HasSubstr("opset 26 is newer"));
  proto.mutable_opset_import(0)->set_version(-1);
  EXPECT_THAT(refusal_of(proto), HasSubstr("version -1"));
}

TEST(CheckModel, RefusesMissingOrContradictoryImports) {
  onnx::ModelProto proto = small_model();
  proto.mutable_opset_import(0)->set_domain("com.example");
  EXPECT_THAT(refusal_of(proto), HasSubstr("which the model does not import"));
  proto.clear_opset_import();
  EXPECT_THAT(refusal_of(proto), HasSubstr("no operator set is imported"));
  proto = small_model();
  *proto.add_opset_import() = proto.opset_import(0);
  EXPECT_EQ(refusal_of(proto), "");  // the same version twice says nothing new
  proto.mutable_opset_import(1)->set_domain("ai.onnx");
  proto.mutable_opset_import(1)->set_version(13);
  EXPECT_THAT(refusal_of(proto), HasSubstr("imported twice, as version 17 and 13"));
}

TEST(CheckModel, WarnsOfAnUnknownOperatorSet) {
  onnx::ModelProto proto = small_model();
  proto.mutable_graph()->mutable_node(2)->set_domain("com.example");
  testing::internal::CaptureStderr();
  EXPECT_EQ(refusal_of(proto), "");
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("'com.example' is used but not imported"));
}

TEST(CheckModel, RefusesDimensionsThatAreNegativeOrOverflow) {
  onnx::ModelProto proto = small_model();
  weight(proto).set_dims(0, -4);
  EXPECT_THAT(refusal_of(proto), AllOf(HasSubstr("tensor 'w'"), HasSubstr("negative dimension")));
  weight(proto).set_dims(0, std::numeric_limits<int64_t>::max());
  EXPECT_THAT(refusal_of(proto), HasSubstr("overflows"));
  // 2^32 * 2^32 wraps to 0, the size of the empty payload.
  weight(proto).set_dims(0, int64_t{1} << 32);
  weight(proto).set_dims(1, int64_t{1} << 32);
  weight(proto).clear_float_data();
  EXPECT_THAT(refusal_of(proto), HasSubstr("overflows"));
  // 2^62 elements are no overflow, their bytes are.
  weight(proto).set_dims(0, int64_t{1} << 31);
  weight(proto).set_dims(1, int64_t{1} << 31);
  EXPECT_THAT(refusal_of(proto), HasSubstr("more than a machine holds"));
}

TEST(CheckModel, RefusesPayloadsOfAnotherSize) {
  onnx::ModelProto proto = small_model();
  weight(proto).add_float_data(9);
  EXPECT_THAT(refusal_of(proto), HasSubstr("need 8 values, found 9"));
  weight(proto).clear_float_data();
  EXPECT_THAT(refusal_of(proto), HasSubstr("need 8 values, found 0"));
  for (const size_t size : {31, 33, 64}) {
    weight(proto).set_raw_data(std::string(size, 'x'));
    EXPECT_THAT(refusal_of(proto), HasSubstr(fmt::format("need 32 bytes, raw data has {}", size)));
  }
  weight(proto).set_raw_data(std::string(32, 'x'));
  EXPECT_EQ(refusal_of(proto), "");
}

TEST(CheckModel, RefusesPayloadsInMoreOrOtherFields) {
  onnx::ModelProto proto = small_model();
  weight(proto).set_raw_data(std::string(32, 'x'));
  EXPECT_THAT(refusal_of(proto), HasSubstr("more than one field"));
  weight(proto).clear_raw_data();
  weight(proto).clear_float_data();
  for (int k = 0; k < 8; ++k) {
    weight(proto).add_double_data(k);
  }
  EXPECT_THAT(refusal_of(proto), HasSubstr("does not belong to its type"));
  weight(proto).set_data_type(onnx::TensorProto::STRING);
  weight(proto).clear_double_data();
  weight(proto).set_raw_data(std::string(32, 'x'));
  EXPECT_THAT(refusal_of(proto), HasSubstr("strings cannot lie in raw data"));
}

TEST(CheckModel, RefusesUnknownTypesSegmentsAndWideValues) {
  onnx::ModelProto proto = small_model();
  weight(proto).set_data_type(99);
  EXPECT_THAT(refusal_of(proto), HasSubstr("element type 99 is not known"));
  weight(proto).set_data_type(0);
  EXPECT_THAT(refusal_of(proto), HasSubstr("element type 0 is not known"));
  proto = small_model();
  weight(proto).mutable_segment()->set_begin(0);
  EXPECT_THAT(refusal_of(proto), HasSubstr("segments"));
  proto = small_model();
  weight(proto).clear_float_data();
  weight(proto).set_data_type(onnx::TensorProto::INT8);
  for (int k = 0; k < 8; ++k) {
    weight(proto).add_int32_data(k == 7 ? 300 : k);
  }
  EXPECT_THAT(refusal_of(proto), HasSubstr("value 300 does not fit in 8 bits"));
}

TEST(CheckModel, ChecksInt4Sizes) {
  onnx::ModelProto proto = small_model();
  onnx::TensorProto& tensor = *proto.mutable_graph()->add_initializer();
  tensor.set_name("q");
  tensor.set_data_type(onnx::TensorProto::INT4);
  tensor.add_dims(5);
  tensor.set_raw_data("abc");  // ceil(5 / 2)
  EXPECT_EQ(refusal_of(proto), "");
  tensor.set_raw_data("abcde");
  EXPECT_THAT(refusal_of(proto), HasSubstr("need 3 bytes, raw data has 5"));
  tensor.clear_raw_data();
  tensor.add_int32_data(0x21);
  tensor.add_int32_data(0x43);
  EXPECT_THAT(refusal_of(proto), HasSubstr("need 3 values, found 2"));
}

TEST(CheckModel, ChecksTensorsInAttributesAndNamesTheNode) {
  onnx::ModelProto proto = small_model();
  onnx::NodeProto& node = *proto.mutable_graph()->add_node();
  node.set_op_type("Constant");
  node.set_name("c\x1b[31m");
  node.add_output("k");
  onnx::AttributeProto& value = *node.add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  value.mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
  value.mutable_t()->add_dims(3);
  const std::string message = refusal_of(proto);
  EXPECT_THAT(message, AllOf(HasSubstr("attribute 'value'"), HasSubstr("(Constant)"),
                             HasSubstr("need 3 values")));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

TEST(CheckModel, RefusesDoubleDefinitions) {
  onnx::ModelProto proto = small_model();
  *proto.mutable_graph()->add_input() = proto.graph().input(0);
  EXPECT_THAT(refusal_of(proto), HasSubstr("input 'x' is declared twice"));
  proto = small_model();
  *proto.mutable_graph()->add_initializer() = proto.graph().initializer(0);
  EXPECT_THAT(refusal_of(proto), HasSubstr("initializer 'w' is defined twice"));
  proto = small_model();
  proto.mutable_graph()->mutable_node(1)->set_output(0, "m");
  EXPECT_THAT(refusal_of(proto), HasSubstr("makes 'm', which is defined already"));
  proto = small_model();
  proto.mutable_graph()->mutable_node(0)->set_output(0, "w");
  EXPECT_THAT(refusal_of(proto), HasSubstr("makes 'w', which is defined already"));
  proto = small_model();
  *proto.mutable_graph()->add_output() = proto.graph().output(0);
  EXPECT_THAT(refusal_of(proto), HasSubstr("output 'y' is declared twice"));
}

TEST(CheckModel, AcceptsAnInitializerThatIsTheDefaultOfAnInput) {
  onnx::ModelProto proto = small_model();
  onnx::ValueInfoProto& input = *proto.mutable_graph()->add_input();
  input.set_name("w");
  EXPECT_EQ(refusal_of(proto), "");
}

TEST(CheckModel, RefusesUndefinedValues) {
  onnx::ModelProto proto = small_model();
  proto.mutable_graph()->mutable_node(0)->set_input(0, "ghost");
  EXPECT_THAT(refusal_of(proto), AllOf(HasSubstr("reads 'ghost'"), HasSubstr("(MatMul)")));
  proto = small_model();
  proto.mutable_graph()->mutable_output(0)->set_name("ghost");
  EXPECT_THAT(refusal_of(proto), HasSubstr("output 'ghost' is defined by nothing"));
  proto = small_model();
  proto.mutable_graph()->mutable_node(0)->clear_op_type();
  EXPECT_THAT(refusal_of(proto), HasSubstr("no operator type"));
}

TEST(CheckModel, SortsNodesWithAWarning) {
  onnx::ModelProto proto = small_model();
  proto.mutable_graph()->mutable_node()->SwapElements(0, 2);
  testing::internal::CaptureStderr();
  const Model model = parse_model(bytes_of(proto), {});
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("sorted"));
  ASSERT_EQ(model.graph.nodes.size(), 3U);
  EXPECT_EQ(model.graph.nodes[0].op_type, "MatMul");
  EXPECT_EQ(model.graph.nodes[1].op_type, "Add");
  EXPECT_EQ(model.graph.nodes[2].op_type, "Relu");
}

TEST(CheckModel, RefusesCycles) {
  onnx::ModelProto proto = small_model();
  proto.mutable_graph()->mutable_node(0)->set_input(1, "s");  // MatMul <-> Add, Relu is behind
  EXPECT_THAT(refusal_of(proto), AllOf(HasSubstr("depends on its own output"),
                                       testing::AnyOf(HasSubstr("(MatMul)"), HasSubstr("(Add)"))));
  proto = small_model();
  proto.mutable_graph()->mutable_node(1)->set_input(1, "s");
  EXPECT_THAT(refusal_of(proto), HasSubstr("depends on its own output"));
}

constexpr std::string_view kBranches = R"(
  <ir_version: 8, opset_import: ["" : 17]>
  g (bool c, float[2] x) => (float[2] y)
  <float[2] w = {1, 2}>
  {
    t = Mul (x, w)
    y = If (c) <
      then_branch = g1 () => (float[2] a) { a = Add (t, w) },
      else_branch = g2 () => (float[2] a) <float[2] w2 = {3, 4}> { a = Add (x, w2) }
    >
  })";

TEST(CheckModel, LooksUpNamesOfInnerGraphsOutside) {
  EXPECT_EQ(refusal_of(proto_from_text(kBranches)), "");
}

TEST(CheckModel, RefusesUndefinedNamesInInnerGraphs) {
  onnx::ModelProto proto = proto_from_text(kBranches);
  auto& branch = *proto.mutable_graph()->mutable_node(1)->mutable_attribute(0)->mutable_g();
  branch.mutable_node(0)->set_input(1, "w2");  // is defined in the other branch only
  EXPECT_THAT(refusal_of(proto), HasSubstr("reads 'w2', which nothing defines"));
  branch.mutable_node(0)->set_input(1, "y");  // made by the If itself
  EXPECT_THAT(refusal_of(proto), HasSubstr("depends on its own output"));
}

TEST(CheckModel, SortsByWhatInnerGraphsCapture) {
  onnx::ModelProto proto = proto_from_text(kBranches);
  proto.mutable_graph()->mutable_node()->SwapElements(0, 1);
  testing::internal::CaptureStderr();
  const Model model = parse_model(bytes_of(proto), {});
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(model.graph.nodes[0].op_type, "Mul");
}

TEST(CheckModel, RefusesGraphsNestedTooDeep) {
  const auto nested = [](int depth) {
    onnx::ModelProto proto = small_model();
    onnx::GraphProto* graph = proto.mutable_graph();
    for (int k = 0; k < depth; ++k) {
      onnx::NodeProto& node = *graph->add_node();
      node.set_op_type("Loop");
      onnx::AttributeProto& body = *node.add_attribute();
      body.set_name("body");
      body.set_type(onnx::AttributeProto::GRAPH);
      graph = body.mutable_g();
    }
    return bytes_of(proto);
  };
  EXPECT_NO_THROW(parse_model(nested(30), {}));
  EXPECT_THAT(refusal_of([&] { parse_model(nested(40), {}); }), HasSubstr("nested more than 32"));
  EXPECT_THAT(refusal_of([&] { parse_model(nested(5000), {}); }), HasSubstr("nested more than 32"));
}

onnx::ModelProto with_functions(int count, const std::function<std::string(int)>& body_op,
                                int calls = 1) {
  onnx::ModelProto proto = small_model();
  onnx::OperatorSetIdProto import;
  import.set_domain("local");
  import.set_version(1);
  *proto.add_opset_import() = import;
  for (int k = 0; k < count; ++k) {
    onnx::FunctionProto& function = *proto.add_functions();
    function.set_domain("local");
    function.set_name(fmt::format("f{}", k));
    function.add_input("a");
    function.add_output("b0");
    *function.add_opset_import() = proto.opset_import(0);
    *function.add_opset_import() = import;
    for (int call = 0; call < calls; ++call) {
      onnx::NodeProto& node = *function.add_node();
      node.set_op_type(body_op(k));
      node.set_domain(body_op(k)[0] == 'f' ? "local" : "");
      node.add_input("a");
      node.add_output(fmt::format("b{}", call));
    }
  }
  return proto;
}

TEST(CheckModel, ChecksFunctions) {
  const auto chain = [](int length) {
    return with_functions(length, [=](int k) {
      return k + 1 < length ? fmt::format("f{}", k + 1) : std::string("Relu");
    });
  };
  EXPECT_EQ(refusal_of(chain(100)), "");
  EXPECT_THAT(refusal_of(chain(101)), HasSubstr("more than 100 deep"));
  EXPECT_THAT(refusal_of(chain(3000)), HasSubstr("more than 100 deep"));
  EXPECT_THAT(refusal_of(with_functions(1, [](int) { return "f0"; })), HasSubstr("recursive"));
  EXPECT_THAT(refusal_of(with_functions(3, [](int k) { return fmt::format("f{}", (k + 1) % 3); })),
              HasSubstr("recursive"));
  // 60 functions that each call the next one twice: 2^60 nodes.
  EXPECT_THAT(refusal_of(with_functions(
                  60, [](int k) { return k < 59 ? fmt::format("f{}", k + 1) : "Relu"; }, 2)),
              HasSubstr("expands to more"));
  onnx::ModelProto proto = chain(2);
  *proto.add_functions() = proto.functions(0);
  EXPECT_THAT(refusal_of(proto), HasSubstr("defined twice"));
  proto.mutable_functions(2)->set_overload("other");
  EXPECT_EQ(refusal_of(proto), "");
  proto.mutable_functions(0)->mutable_node(0)->set_input(0, "ghost");
  EXPECT_THAT(refusal_of(proto), AllOf(HasSubstr("function 'f0'"), HasSubstr("'ghost'")));
}

TEST(CheckModel, SurvivesHostileNames) {
  onnx::ModelProto proto = small_model();
  const std::string name = std::string(100'000, 'n') + "\n\x1b]0;x\a<script>";
  proto.mutable_graph()->mutable_node(0)->set_name(name);
  proto.mutable_graph()->mutable_node(0)->set_input(0, name);
  const std::string message = refusal_of(proto);
  EXPECT_LT(message.size(), 1000U);
  proto.mutable_graph()->mutable_input(0)->set_name(name);
  EXPECT_EQ(parse_model(bytes_of(proto), {}).graph.nodes[0].name, name);
}

}  // namespace
}  // namespace ptq
