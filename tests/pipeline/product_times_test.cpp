// Made-up profiles of hand-written graphs; no test looks at a clock.

#include "pipeline/product_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptq {
namespace {

using ::testing::ElementsAre;

Node node(const std::string& name, const std::string& op, const std::string& in,
          const std::string& out) {
  Node made;
  made.name = name;
  made.op_type = op;
  made.inputs = {in};
  made.outputs = {out};
  return made;
}

Graph graph(std::vector<Node> nodes) {
  Graph made;
  made.inputs.resize(1);
  made.inputs[0].name = "x";
  made.outputs.resize(1);
  made.outputs[0].name = "y";
  made.nodes = std::move(nodes);
  return made;
}

const Graph kPrepared =
    graph({node("", "Conv", "x", "a"), node("", "Erf", "a", "b"), node("", "MatMul", "b", "y")});

QuantPlan plan_of(const Graph& prepared) {
  QuantPlan plan;
  for (size_t i = 0; i < prepared.nodes.size(); ++i) {
    Decision decision;
    decision.node = i;
    decision.label = prepared.nodes[i].outputs[0];
    decision.integer = prepared.nodes[i].op_type != "Erf";
    plan.decisions.push_back(decision);
  }
  return plan;
}

TEST(IntegerProducts, NamesTheirKinds) {
  Graph grouped = kPrepared;
  grouped.nodes[0].set_attribute("group", int64_t{4});
  const ModelIndex index(grouped);
  const std::vector<PlannedProduct> products = integer_products(index, plan_of(grouped));
  ASSERT_EQ(products.size(), 2U);
  EXPECT_EQ(products[0].kind, "depthwise or grouped Conv");
  EXPECT_EQ(products[1].kind, "MatMul");
}

TEST(ProductTimes, CountConversionsForTheProductTheyFeedOrFollow) {
  const Graph file =
      graph({node("", "QuantizeLinear", "x", "xq"), node("", "DequantizeLinear", "xq", "xd"),
             node("", "Conv", "xd", "a"), node("", "QuantizeLinear", "a", "aq"),
             node("", "DequantizeLinear", "aq", "ad"), node("", "Erf", "ad", "b"),
             node("", "QuantizeLinear", "b", "bq"), node("", "DequantizeLinear", "bq", "bd"),
             node("", "MatMul", "bd", "y")});
  const Graph optimized =
      graph({node("ptq.0.", "QuantizeLinear", "x", "xq"), node("layout", "Transpose", "xq", "xt"),
             node("ptq.2._quant", "QLinearConv", "xt", "at"), node("back", "Transpose", "at", "aq"),
             node("ptq.4.", "DequantizeLinear", "aq", "ad"), node("ptq.5.", "Erf", "ad", "b"),
             node("ptq.6.", "QuantizeLinear", "b", "bq"),
             node("ptq.8._quant", "MatMulIntegerToFloat", "bq", "y")});
  const std::vector<NodeTime> times = {
      {"ptq.0.", "QuantizeLinear", 1.0},    {"layout", "Transpose", 2.0},
      {"ptq.2._quant", "QLinearConv", 4.0}, {"back", "Transpose", 8.0},
      {"ptq.4.", "DequantizeLinear", 16.0}, {"ptq.5.", "Erf", 32.0},
      {"ptq.6.", "QuantizeLinear", 64.0},   {"ptq.8._quant", "MatMulIntegerToFloat", 128.0}};
  const ModelIndex prepared(kPrepared);
  const std::vector<double> ms = product_times(integer_products(prepared, plan_of(kPrepared)),
                                               ModelIndex(file), ModelIndex(optimized), times);
  EXPECT_THAT(ms, ElementsAre(31.0, 192.0));
}

TEST(ProductTimes, AreNothingForAProductThatLeftNoTrace) {
  const Graph optimized =
      graph({node("ptq.0.", "FusedConv", "x", "b"), node("other", "Attention", "b", "z")});
  const ModelIndex prepared(kPrepared);
  const std::vector<double> ms =
      product_times(integer_products(prepared, plan_of(kPrepared)), prepared, ModelIndex(optimized),
                    {{"ptq.0.", "FusedConv", 3.0}, {"other", "Attention", 5.0}});
  EXPECT_THAT(ms, ElementsAre(3.0, 0.0));
}

}  // namespace
}  // namespace ptq
