#include "onnx_io/infer_shapes.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/proto_tools.h"
#include "onnx_io/read.h"
#include "onnx_io/text_model.h"
#include "onnx_io/write.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing_tools::bytes_of;
using testing_tools::proto_of;

bool has_info(const Model& model, std::string_view name) {
  return std::any_of(model.graph.value_infos.begin(), model.graph.value_infos.end(),
                     [&](const ValueInfo& info) { return info.name == name; });
}

// An empty one when there is none.
ValueInfo info_of(const Model& model, std::string_view name) {
  for (const ValueInfo& info : model.graph.value_infos) {
    if (info.name == name) {
      return info;
    }
  }
  return {};
}

TEST(InferShapes, FindsTypesAndShapesOfInnerValues) {
  Model model = parse_text_model(R"(
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[N, 3, 32, 32] x, float[8, 3, 3, 3] w, float[8, 8] v) => (float[N, 8] y)
    {
      c = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, w)
      p = GlobalAveragePool (c)
      f = Flatten (p)
      y = MatMul (f, v)
    })");
  infer_shapes(model);
  EXPECT_EQ(info_of(model, "c").dtype, DType::kFloat);
  EXPECT_THAT(info_of(model, "c").shape, ElementsAre(-1, 8, 16, 16));
  EXPECT_THAT(info_of(model, "c").symbols, ElementsAre("N", "", "", ""));
  EXPECT_THAT(info_of(model, "f").shape, ElementsAre(-1, 8));
  EXPECT_FALSE(has_info(model, "y"));  // declared as an output
  EXPECT_FALSE(has_info(model, "x"));
}

TEST(InferShapes, FollowsShapesComputedInTheGraph) {
  Model model = parse_text_model(R"(
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[2, 3, 4] x) => (float[a, b] y)
    <int64[1] zero = {0}, int64[1] one = {1}, int64[1] minus = {-1}>
    {
      s = Shape (x)
      n = Slice (s, zero, one)
      t = Concat <axis = 0> (n, minus)
      r = Reshape (x, t)
      y = Relu (r)
    })");
  infer_shapes(model);
  EXPECT_THAT(info_of(model, "r").shape, ElementsAre(2, 12));
}

TEST(InferShapes, DoesNotNeedLargeWeights) {
  Model model = parse_text_model(R"(
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[1, 512] x) => (float[1, 300] y)
    <float[1] w = {0}>
    {
      k = Constant <value = float[1] {0}> ()
      m = MatMul (x, w)
      n = MatMul (m, k)
      y = Relu (n)
    })");
  model.graph.initializers[0].tensor = Tensor(DType::kFloat, {512, 400});
  model.graph.nodes[0].attributes[0].t = Tensor(DType::kFloat, {400, 300});
  infer_shapes(model);
  EXPECT_THAT(info_of(model, "m").shape, ElementsAre(1, 400));
  EXPECT_THAT(info_of(model, "n").shape, ElementsAre(1, 300));
  EXPECT_EQ(model.graph.initializers[0].tensor.size(), 512 * 400);
}

TEST(InferShapes, ChangesNothingElse) {
  const onnx::ModelProto proto = testing_tools::proto_from_text(R"(
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[N] x) => (float y)
    { a = com.example.Odd (x)  b = Relu (x)  y = Add (a, b) })");
  testing::internal::CaptureStderr();
  Model model = parse_model(bytes_of(proto), {});
  infer_shapes(model);
  testing::internal::GetCapturedStderr();
  ASSERT_EQ(model.graph.value_infos.size(), 1U);
  EXPECT_EQ(model.graph.value_infos[0].name, "b");
  model.graph.value_infos.clear();
  EXPECT_EQ(testing_tools::difference(proto, proto_of(serialize_model(model))), "");
}

TEST(InferShapes, KeepsDeclarationsItCannotBetter) {
  onnx::ModelProto proto = testing_tools::proto_from_text(R"(
    <ir_version: 8, opset_import: ["" : 17, "com.example" : 1]>
    g (float[2, K] x) => (float y)
    { a = com.example.Odd (x)  b = Relu (x)  c = Sigmoid (b)  y = Add (a, c) })");
  const auto declare = [&](const char* name, std::vector<int64_t> dims) {
    onnx::ValueInfoProto& info = *proto.mutable_graph()->add_value_info();
    info.set_name(name);
    info.set_doc_string("kept");
    auto& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    for (const int64_t dim : dims) {
      type.mutable_shape()->add_dim()->set_dim_value(dim);
    }
  };
  declare("a", {5, 6});
  declare("b", {2, 7});  // 7 is more than inference knows
  Model model = parse_model(bytes_of(proto), {});
  infer_shapes(model);
  EXPECT_THAT(info_of(model, "a").shape, ElementsAre(5, 6));
  EXPECT_NE(info_of(model, "a").verbatim, "");
  EXPECT_THAT(info_of(model, "b").shape, ElementsAre(2, 7));
  EXPECT_THAT(info_of(model, "c").shape, ElementsAre(2, 7));
}

TEST(InferShapes, PrefersInferenceToWrongDeclarations) {
  onnx::ModelProto proto = testing_tools::small_model();
  onnx::ValueInfoProto& info = *proto.mutable_graph()->add_value_info();
  info.set_name("m");
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_value(99);
  Model model = parse_model(bytes_of(proto), {});
  infer_shapes(model);
  EXPECT_THAT(info_of(model, "m").shape, ElementsAre(1, 2));
  EXPECT_THAT(info_of(model, "s").shape, ElementsAre(1, 2));
}

TEST(InferShapes, SurvivesShapesTooLargeToFollow) {
  Model model = parse_text_model(R"(
    <ir_version: 8, opset_import: ["" : 17]>
    g (int64[1099511627776] x) => (int64 y)
    { a = Add (x, x)  b = Cast <to = 7> (a)  y = Identity (b) })");
  infer_shapes(model);
  EXPECT_THAT(info_of(model, "b").shape, ElementsAre(int64_t{1} << 40));
}

// The library's inference of Einsum does not return on some of these (found by fuzzing).
TEST(InferShapes, SurvivesOddEinsums) {
  Model model = parse_text_model(R"(
    <ir_version: 9, opset_import: ["" : 19]>
    g (float[2, 3, 3] x) => (float[3, 3] y)
    { e = Einsum <equation = "...i->i"> (x)  a = Relu (x)  y = Relu (e) })");
  for (const char* equation :
       {"...\351i->...i", "t..i->i", ".i->i", "...i...->i", "i->i->i", ".", "-"}) {
    Model odd = model;
    odd.graph.nodes[0].set_attribute("equation", std::string(equation));
    infer_shapes(odd);
    EXPECT_THAT(info_of(odd, "a").shape, ElementsAre(2, 3, 3)) << equation;
    EXPECT_FALSE(has_info(odd, "e")) << equation;
    EXPECT_EQ(odd.graph.nodes[0].domain, "");
  }
  model.graph.nodes[0].set_attribute("equation", std::string("...ij -> ... j"));
  infer_shapes(model);
  EXPECT_THAT(info_of(model, "e").shape, ElementsAre(2, 3));
}

TEST(InferShapes, GivesTheSameEachTime) {
  Model first = parse_model(bytes_of(testing_tools::small_model()), {});
  infer_shapes(first);
  Model second = first;
  infer_shapes(second);
  EXPECT_EQ(serialize_model(second), serialize_model(first));
}

}  // namespace
}  // namespace ptq
