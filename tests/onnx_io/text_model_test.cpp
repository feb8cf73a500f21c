#include "onnx_io/text_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx_io/proto_tools.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(TextModel, GivesNodesConstantsAndDeclarations) {
  const Model model = parse_text_model(R"(
    <ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
    net (float[N, 3, 8, 8] x) => (float[N, 4, 8, 8] y)
    <float[4, 3, 1, 1] w = {1,2,3,4,5,6,7,8,9,10,11,12}, int64[1] axes = {-1}>
    {
      c = Conv <kernel_shape = [1, 1], auto_pad = "VALID"> (x, w)
      y = com.microsoft.Gelu (c)
    })");
  EXPECT_EQ(model.opset(), 17);
  EXPECT_EQ(model.opset("com.microsoft"), 1);
  EXPECT_EQ(model.ir_version, 8);
  ASSERT_EQ(model.graph.nodes.size(), 2U);
  const Node& conv = model.graph.nodes[0];
  EXPECT_TRUE(conv.is("Conv"));
  EXPECT_THAT(conv.inputs, ElementsAre("x", "w"));
  EXPECT_THAT(conv.ints_attribute("kernel_shape"), ElementsAre(1, 1));
  EXPECT_EQ(conv.string_attribute("auto_pad", ""), "VALID");
  EXPECT_EQ(model.graph.nodes[1].domain, "com.microsoft");

  ASSERT_EQ(model.graph.inputs.size(), 1U);
  const ValueInfo& x = model.graph.inputs[0];
  EXPECT_EQ(x.dtype, DType::kFloat);
  EXPECT_THAT(x.shape, ElementsAre(-1, 3, 8, 8));
  EXPECT_THAT(x.symbols, ElementsAre("N", "", "", ""));

  ASSERT_EQ(model.graph.initializers.size(), 2U);
  const Tensor& w = model.graph.initializers[0].tensor;
  EXPECT_THAT(w.shape(), ElementsAre(4, 3, 1, 1));
  EXPECT_EQ(w.data<float>()[11], 12.0F);
  EXPECT_EQ(model.graph.initializers[1].tensor.data<int64_t>()[0], -1);
}

TEST(TextModel, ReadsFourBitConstants) {
  const Model model = parse_text_model(R"(
    <ir_version: 10, opset_import: ["" : 21]>
    g (float x) => (float y) <int4[3] q = {-1, 7, -8}, uint4[1] u = {15}> { y = Relu(x) })");
  EXPECT_THAT(to_int64s(model.graph.initializers[0].tensor), ElementsAre(-1, 7, -8));
  EXPECT_THAT(to_int64s(model.graph.initializers[1].tensor), ElementsAre(15));
}

TEST(TextModel, RefusesBadSyntaxWithItsPlace) {
  const auto refusal = [](std::string_view text) {
    return testing_tools::refusal_of([&] { parse_text_model(text); });
  };
  EXPECT_THAT(refusal("<ir_version: 8"), HasSubstr("line: 1"));
  EXPECT_THAT(
      refusal(R"(<ir_version: 8, opset_import: ["" : 99999999999999999999]> g () => () {})"),
      HasSubstr("text model"));
  EXPECT_THAT(refusal(R"(<ir_version: 8, opset_import: ["" : 17]>
                         g (float x) => (float y) { y = Relu(x) } ?)"),
              HasSubstr("line: 2"));
}

TEST(TextModel, PassesTheSameChecksAsAFile) {
  EXPECT_THAT(testing_tools::refusal_of([] {
                parse_text_model(R"(<ir_version: 8, opset_import: ["" : 17]>
                                    g (float x) => (float y) { y = Add(x, nowhere) })");
              }),
              HasSubstr("reads 'nowhere', which nothing defines"));
}

}  // namespace
}  // namespace ptq
