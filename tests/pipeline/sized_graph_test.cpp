#include "pipeline/sized_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/index.h"
#include "graph/macs.h"
#include "onnx_io/infer_shapes.h"
#include "onnx_io/text_model.h"

namespace ptq {
namespace {

using testing::IsEmpty;

Model text_model(const std::string& body) {
  Model model = parse_text_model("<ir_version: 8, opset_import: [\"\" : 13]>\n" + body);
  infer_shapes(model);
  return model;
}

std::optional<uint64_t> macs(const Graph& graph, size_t node) {
  const GraphIndex index(graph);
  return multiply_accumulates(graph.nodes.at(node), index);
}

const char* const kRows =
    "g (float[N,4] x) => (float[N,3] y)\n<float[4,3] w = {1,2,3,4,5,6,7,8,9,10,11,12}> { y = "
    "MatMul(x, w) }";

Tensor zeros(Shape shape) {
  return {DType::kFloat, std::move(shape)};
}

TEST(SizedGraph, AnOpenFirstDimensionIsABatchOfOne) {
  const Model model = text_model(kRows);
  EXPECT_EQ(macs(model.graph, 0), std::nullopt);
  EXPECT_EQ(macs(sized_graph(model, {}), 0), 12U);
}

TEST(SizedGraph, TakesTheShapesOfASample) {
  EXPECT_EQ(macs(sized_graph(text_model(kRows), {{"x", zeros({5, 4})}}), 0), 60U);
}

TEST(SizedGraph, OtherOpenDimensionsStayUnknownWithoutASample) {
  const Model model = text_model(
      "g (float[N,T,4] x) => (float[N,T,3] y)\n<float[4,3] w = {1,2,3,4,5,6,7,8,9,10,11,12}> { y = "
      "MatMul(x, w) }");
  EXPECT_EQ(macs(sized_graph(model, {}), 0), std::nullopt);
  EXPECT_EQ(macs(sized_graph(model, {{"x", zeros({1, 7, 4})}}), 0), 84U);
}

// How many elements are not 0 is known only when it runs.
TEST(SizedGraph, ShapesThatDependOnValuesAreMeasured) {
  const Model model = text_model(
      "g (float[1,6] x) => (float[m,2] y)\n"
      "<float[1,2] w = {1,2}, int64[2] s = {-1, 1}> {\n"
      " i = NonZero(x)\n f = Cast<to = 1>(i)\n r = Reshape(f, s)\n y = MatMul(r, w) }");
  EXPECT_EQ(macs(sized_graph(model, {}), 3), std::nullopt);
  const std::vector<float> values = {0, 1, 0, 1, 1, 0};
  const Tensor sample = Tensor::from<float>({1, 6}, values);
  EXPECT_EQ(macs(sized_graph(model, {{"x", sample}}), 3), 2U * 3U * 2U);  // 2 indexes of 3 values
}

TEST(SizedGraph, AFixedDimensionIsKeptAndTheModelToo) {
  const Model model = text_model(
      "g (float[2,4] x) => (float[2,3] y)\n<float[4,3] w = {1,2,3,4,5,6,7,8,9,10,11,12}> { y = "
      "MatMul(x, w) }");
  EXPECT_EQ(macs(sized_graph(model, {{"x", zeros({9, 4})}}), 0), 24U);
  EXPECT_EQ(model.graph.outputs.size(), 1U);
  EXPECT_THAT(sized_graph(model, {}).outputs, IsEmpty());
}

}  // namespace
}  // namespace ptq
