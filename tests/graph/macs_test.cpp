#include "graph/macs.h"

#include <map>

#include <gtest/gtest.h>

#include "graph/build.h"

namespace ptq {
namespace {

using testing_graph::graph;
using testing_graph::node;
using testing_graph::with_inner;

using Shapes = std::map<std::string, Shape>;

// MACs of `made` in a graph that declares `shapes`.
std::optional<uint64_t> count(const Node& made, const Shapes& shapes) {
  Graph around = graph({}, {}, {made});
  for (const auto& [name, shape] : shapes) {
    around.value_infos.push_back(
        {.name = name, .dtype = DType::kFloat, .has_shape = true, .shape = shape});
  }
  const GraphIndex index(around);
  return multiply_accumulates(around.nodes[0], index);
}

Node with_int(Node made, const char* name, int64_t value) {
  made.set_attribute(name, value);
  return made;
}

Node einsum(const char* equation) {
  Node made = node("Einsum", {"a", "b"}, {"y"});
  made.set_attribute("equation", std::string(equation));
  return made;
}

TEST(Macs, ConvolutionsMultiplyEachOutputByItsWindow) {
  const Node conv = node("Conv", {"x", "w", "b"}, {"y"});
  // 8 · 5 · 5 outputs, windows of 3 · 3 · 3.
  EXPECT_EQ(count(conv, {{"x", {1, 3, 5, 5}}, {"w", {8, 3, 3, 3}}, {"y", {1, 8, 5, 5}}}),
            8U * 25U * 27U);
  // Depthwise: W is [8, 1, 3, 3].
  EXPECT_EQ(count(conv, {{"w", {8, 1, 3, 3}}, {"y", {2, 8, 4, 4}}}), 2U * 8U * 16U * 9U);
  EXPECT_EQ(count(conv, {{"w", {4, 2, 3}}, {"y", {1, 4, 10}}}), 4U * 10U * 6U);
}

TEST(Macs, TransposedConvolutionsMultiplyEachInputByItsWindow) {
  EXPECT_EQ(count(node("ConvTranspose", {"x", "w"}, {"y"}),
                  {{"x", {1, 4, 8, 8}}, {"w", {4, 6, 2, 2}}, {"y", {1, 6, 16, 16}}}),
            4U * 64U * 24U);
}

TEST(Macs, ProductsOfMatrices) {
  const Node matmul = node("MatMul", {"a", "b"}, {"y"});
  EXPECT_EQ(count(matmul, {{"a", {2, 3, 4, 5}}, {"y", {2, 3, 4, 6}}}), 2U * 3U * 4U * 6U * 5U);
  EXPECT_EQ(count(matmul, {{"a", {5}}, {"y", {}}}), 5U);
  const Node gemm = node("Gemm", {"a", "b", "c"}, {"y"});
  EXPECT_EQ(count(gemm, {{"a", {4, 7}}, {"y", {4, 3}}}), 4U * 3U * 7U);
  EXPECT_EQ(count(with_int(gemm, "transA", 1), {{"a", {7, 4}}, {"y", {4, 3}}}), 4U * 3U * 7U);
}

TEST(Macs, EinsumMultipliesOnceForEachAssignmentOfItsLetters) {
  EXPECT_EQ(count(einsum("bhid, bhjd -> bhij"), {{"a", {2, 3, 4, 5}}, {"b", {2, 3, 6, 5}}}),
            2U * 3U * 4U * 5U * 6U);
  EXPECT_EQ(count(einsum("ij,jk"), {{"a", {2, 1}}, {"b", {7, 3}}}), 2U * 7U * 3U);
  EXPECT_EQ(count(einsum("...ij,jk"), {{"a", {2, 1}}, {"b", {1, 3}}}), std::nullopt);
  EXPECT_EQ(count(einsum("ijk,jk"), {{"a", {2, 1}}, {"b", {1, 3}}}), std::nullopt);
}

TEST(Macs, RecurrentOperatorsUseBothWeightsOnceAStep) {
  const Shapes lstm = {{"x", {10, 2, 8}}, {"w", {1, 64, 8}}, {"r", {1, 64, 16}}};
  EXPECT_EQ(count(node("LSTM", {"x", "w", "r"}, {"y"}), lstm), 10U * 2U * 64U * (8U + 16U));
  const Shapes gru = {{"x", {2, 10, 8}}, {"w", {2, 48, 8}}, {"r", {2, 48, 16}}};
  EXPECT_EQ(count(with_int(node("GRU", {"x", "w", "r"}, {"y"}), "layout", 1), gru),
            2U * 10U * 2U * 48U * 24U);
}

TEST(Macs, OtherOperatorsHaveNone) {
  EXPECT_EQ(count(node("Add", {"a", "b"}, {"y"}), {}), 0U);
  EXPECT_EQ(count(node("MaxPool", {"a"}, {"y"}), {}), 0U);
}

TEST(Macs, UnknownIsNotZero) {
  const Node conv = node("Conv", {"x", "w"}, {"y"});
  EXPECT_EQ(count(conv, {{"w", {8, 3, 3, 3}}}), std::nullopt);
  EXPECT_EQ(count(conv, {{"w", {8, 3, 3, 3}}, {"y", {-1, 8, 5, 5}}}), std::nullopt);
  EXPECT_EQ(count(conv, {}), std::nullopt);
  EXPECT_EQ(count(node("MatMul", {"a", "b"}, {"y"}), {{"a", {}}, {"y", {1}}}), std::nullopt);
  EXPECT_EQ(count(node("Attention", {"a", "b", "c"}, {"y"}), {}), std::nullopt);
  Node foreign = node("FusedMatMul", {"a", "b"}, {"y"});
  foreign.domain = "com.microsoft";
  EXPECT_EQ(count(foreign, {}), std::nullopt);
  foreign.op_type = "BiasGelu";
  EXPECT_EQ(count(foreign, {}), 0U);
}

TEST(Macs, ANumberBeyond64BitsIsUnknown) {
  const int64_t huge = int64_t{1} << 40;
  EXPECT_EQ(count(node("MatMul", {"a", "b"}, {"y"}), {{"a", {huge, huge}}, {"y", {huge, 1}}}),
            std::nullopt);
}

TEST(Macs, AnInnerGraphWithProductsIsUnknown) {
  const Node idle =
      with_inner(node("If", {"c"}, {"y"}), {graph({}, {"t"}, {node("Neg", {"x"}, {"t"})})});
  const Node busy =
      with_inner(node("If", {"c"}, {"y"}), {graph({}, {"t"}, {node("MatMul", {"x", "x"}, {"t"})})});
  EXPECT_EQ(count(idle, {}), 0U);
  EXPECT_EQ(count(busy, {}), std::nullopt);
}

}  // namespace
}  // namespace ptq
