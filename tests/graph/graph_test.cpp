#include "ptq/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/build.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace tg = testing_graph;

TEST(NodeAttribute, GivesTheFallbackWhenAbsentOrOfAnotherKind) {
  Node node;
  EXPECT_EQ(node.int_attribute("axis", -1), -1);
  node.set_attribute("axis", int64_t{2});
  EXPECT_EQ(node.int_attribute("axis", -1), 2);
  EXPECT_EQ(node.float_attribute("axis", 0.5F), 0.5F);
  EXPECT_EQ(node.string_attribute("axis", "none"), "none");
  EXPECT_THAT(node.ints_attribute("axis"), IsEmpty());
}

TEST(NodeAttribute, SettingReplacesValueKindAndRest) {
  Node node;
  node.attributes.push_back({.name = "a", .kind = AttributeKind::kOther, .verbatim = "rest"});
  node.set_attribute("a", std::vector<int64_t>{1, 2});
  ASSERT_EQ(node.attributes.size(), 1U);
  EXPECT_EQ(node.attributes[0].verbatim, "");
  EXPECT_THAT(node.ints_attribute("a"), ElementsAre(1, 2));
  node.set_attribute("a", std::string("text"));
  EXPECT_EQ(node.string_attribute("a", ""), "text");
  EXPECT_THAT(node.ints_attribute("a"), IsEmpty());
  EXPECT_THAT(node.attributes[0].ints, IsEmpty());
  node.set_attribute("a", 0.25F);
  EXPECT_EQ(node.float_attribute("a", 0.0F), 0.25F);
  EXPECT_EQ(node.attributes.size(), 1U);
}

TEST(NodeAttribute, NamesMayPointIntoTheNodeItself) {
  Node node;
  for (const char* name : {"a name that is too long for the small buffer", "second", "third"}) {
    node.set_attribute(name, int64_t{1});
  }
  node.set_attribute(node.attributes[0].name, int64_t{7});
  EXPECT_EQ(node.int_attribute("a name that is too long for the small buffer", 0), 7);
  node.erase_attribute(node.attributes[0].name);
  ASSERT_EQ(node.attributes.size(), 2U);
  EXPECT_EQ(node.attributes[0].name, "second");
  node.erase_attribute(node.attributes[0].name);
  ASSERT_EQ(node.attributes.size(), 1U);
  EXPECT_EQ(node.attributes[0].name, "third");
  node.erase_attribute("no such attribute");
  EXPECT_EQ(node.attributes.size(), 1U);
}

TEST(Node, InputBeyondTheLastIsAbsent) {
  const Node node = tg::node("Clip", {"x", "", "max"}, {"y"});
  EXPECT_EQ(node.input(0), "x");
  EXPECT_EQ(node.input(1), "");
  EXPECT_EQ(node.input(2), "max");
  EXPECT_EQ(node.input(3), "");
}

TEST(Node, IsNamesOperatorsOfTheStandardDomainOnly) {
  Node node = tg::node("Conv", {}, {});
  EXPECT_TRUE(node.is("Conv"));
  EXPECT_FALSE(node.is("ConvTranspose"));
  node.domain = "com.microsoft";
  EXPECT_FALSE(node.is("Conv"));
}

TEST(Model, OpsetOfADomain) {
  Model model;
  EXPECT_EQ(model.opset(), 0);
  model.set_opset("", 13);
  model.set_opset("com.microsoft", 1);
  model.set_opset("", 17);
  EXPECT_EQ(model.opset(), 17);
  EXPECT_EQ(model.opset("com.microsoft"), 1);
  EXPECT_EQ(model.opset("ai.onnx.ml"), 0);
  EXPECT_EQ(model.opset_imports.size(), 2U);
}

TEST(CopyGraph, SharesNoInnerGraphAtAnyDepth) {
  const Graph innermost = tg::graph({}, {"z"}, {tg::node("Neg", {"x"}, {"z"})});
  const Graph inner =
      tg::graph({}, {"y"}, {tg::with_inner(tg::node("If", {"c"}, {"y"}), {innermost})});
  const Graph graph =
      tg::graph({"x", "c"}, {"o"}, {tg::with_inner(tg::node("If", {"c"}, {"o"}), {inner})});
  const auto deepest = [](const Graph& of) -> Node& {
    Graph& middle = *of.nodes[0].attributes[0].graphs[0];
    return middle.nodes[0].attributes[0].graphs[0]->nodes[0];
  };

  const Graph copy = copy_graph(graph);
  deepest(copy).op_type = "Abs";
  EXPECT_EQ(deepest(graph).op_type, "Neg");
  EXPECT_EQ(deepest(copy).op_type, "Abs");
}

TEST(CopyGraph, SharesTheBytesOfTensors) {
  Graph graph;
  graph.initializers.push_back(tg::constant("w"));
  const Graph copy = copy_graph(graph);
  EXPECT_EQ(copy.initializers[0].tensor.bytes().data(),
            graph.initializers[0].tensor.bytes().data());
}

}  // namespace
}  // namespace ptq
