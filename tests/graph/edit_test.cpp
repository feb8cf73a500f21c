#include "graph/edit.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/build.h"
#include "graph/index.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace tg = testing_graph;

TEST(NameScope, AvoidsEveryNameOfEveryKindAndDepth) {
  const Graph inner =
      tg::graph({"inner_in"}, {"inner_out"}, {tg::node("Neg", {"far"}, {"inner_t"})});
  Graph graph = tg::graph({"in"}, {"out"}, {tg::with_inner(tg::node("If", {"c"}, {"t"}), {inner})});
  graph.nodes[0].name = "node";
  graph.initializers.push_back(tg::constant("w"));
  graph.value_infos = tg::values({"declared"});
  NameScope names(graph);
  for (const char* taken : {"in", "out", "c", "t", "node", "w", "declared", "inner_in", "inner_out",
                            "inner_t", "far"}) {
    EXPECT_EQ(names.unique(taken), std::string(taken) + "_1");
  }
  EXPECT_EQ(names.unique("free"), "free");
}

TEST(NameScope, NeverGivesANameTwice) {
  Graph graph;
  graph.initializers.push_back(tg::constant("w_1"));
  NameScope names(graph);
  EXPECT_EQ(names.unique("w"), "w");
  EXPECT_EQ(names.unique("w"), "w_2");  // w_1 is taken
  EXPECT_EQ(names.unique("w"), "w_3");
  EXPECT_EQ(names.unique("w_2"), "w_2_1");
}

TEST(ReplaceUses, ReachesInputsAndInnerGraphsButNotTheOutputs) {
  Graph inner = tg::graph({}, {"old"}, {tg::node("Neg", {"old"}, {"t"})});
  inner.outputs[0].verbatim = "declaration under the old name";
  Graph graph = tg::graph({"x"}, {"old"},
                          {tg::node("Relu", {"x"}, {"old"}), tg::node("Add", {"old", "old"}, {"s"}),
                           tg::with_inner(tg::node("If", {"s"}, {"y"}), {inner})});
  replace_uses(graph, "old", "new");
  EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("old"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("new", "new"));
  EXPECT_EQ(graph.outputs[0].name, "old");
  const Graph& changed = *graph.nodes[2].attributes[0].graphs[0];
  EXPECT_THAT(changed.nodes[0].inputs, ElementsAre("new"));
  EXPECT_EQ(changed.outputs[0].name, "new");
  EXPECT_EQ(changed.outputs[0].verbatim, "");
}

TEST(ReplaceUses, LeavesInnerGraphsThatDefineTheNameThemselves) {
  const Graph by_input = tg::graph({"v"}, {"a"}, {tg::node("Neg", {"v"}, {"a"})});
  Graph by_constant = tg::graph({}, {"b"}, {tg::node("Neg", {"v"}, {"b"})});
  by_constant.initializers.push_back(tg::constant("v"));
  const Graph by_node =
      tg::graph({}, {"v"}, {tg::node("Abs", {"x"}, {"v"}), tg::node("Neg", {"v"}, {"c"})});
  const Graph deeper = tg::graph(
      {}, {"d"},
      {tg::with_inner(tg::node("If", {"x"}, {"d"}), {by_node, tg::graph({}, {"v"}, {})})});
  Graph graph = tg::graph(
      {"v", "x"}, {"y"},
      {tg::with_inner(tg::node("If", {"x"}, {"y"}), {by_input, by_constant, by_node, deeper})});
  replace_uses(graph, "v", "new");
  const auto& inner = graph.nodes[0].attributes[0].graphs;
  EXPECT_THAT(inner[0]->nodes[0].inputs, ElementsAre("v"));
  EXPECT_THAT(inner[1]->nodes[0].inputs, ElementsAre("v"));
  EXPECT_THAT(inner[2]->nodes[1].inputs, ElementsAre("v"));
  EXPECT_EQ(inner[2]->outputs[0].name, "v");
  const auto& innermost = inner[3]->nodes[0].attributes[0].graphs;
  EXPECT_THAT(innermost[0]->nodes[1].inputs, ElementsAre("v"));
  EXPECT_EQ(innermost[1]->outputs[0].name, "new");
}

TEST(ReplaceUses, NamesMayPointIntoTheGraph) {
  const std::string old_name = "a name that is too long for the small buffer of strings";
  Graph graph = tg::graph(
      {"x"}, {"y"},
      {tg::node("Add", {old_name, old_name}, {"s"}), tg::node("Add", {old_name, "s"}, {"y"})});
  replace_uses(graph, graph.nodes[0].inputs[0], graph.nodes[0].outputs[0]);
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("s", "s"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("s", "s"));
}

TEST(ReplaceUses, RefusesToFillAbsentInputs) {
  Graph graph = tg::graph({"x"}, {"y"}, {tg::node("Clip", {"x", ""}, {"y"})});
  EXPECT_THROW(replace_uses(graph, "", "new"), Error);
  replace_uses(graph, "x", "");
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("", ""));
}

TEST(EraseNodes, KeepsTheOthersInOrder) {
  Graph graph = tg::graph(
      {}, {},
      {tg::node("a", {}, {}), tg::node("b", {}, {}), tg::node("c", {}, {}), tg::node("d", {}, {})});
  erase_nodes(graph, {0, 2, 99});
  EXPECT_THAT(tg::ops(graph), ElementsAre("b", "d"));
  erase_nodes(graph, {});
  EXPECT_THAT(tg::ops(graph), ElementsAre("b", "d"));
}

TEST(RemoveDead, TakesChainsAndTheirConstantsAndDeclarations) {
  Graph graph = tg::graph({"x"}, {"y"},
                          {tg::node("Relu", {"x"}, {"y"}), tg::node("Mul", {"x", "w"}, {"a"}),
                           tg::node("Neg", {"a"}, {"b"})});
  graph.initializers.push_back(tg::constant("w"));
  graph.initializers.push_back(tg::constant("orphan"));
  graph.value_infos = tg::values({"a", "b", "w", "y"});
  EXPECT_EQ(remove_dead(graph), 4U);
  EXPECT_THAT(tg::ops(graph), ElementsAre("Relu"));
  EXPECT_THAT(graph.initializers, IsEmpty());
  ASSERT_EQ(graph.value_infos.size(), 1U);
  EXPECT_EQ(graph.value_infos[0].name, "y");
  EXPECT_EQ(remove_dead(graph), 0U);
}

TEST(RemoveDead, AnAbsentOutputIsNotUsedByAnAbsentInput) {
  Graph graph = tg::graph({"x"}, {"y"},
                          {tg::node("Dead", {"x"}, {"d", ""}), tg::node("Clip", {"x", ""}, {"y"})});
  EXPECT_EQ(remove_dead(graph), 1U);
  EXPECT_THAT(tg::ops(graph), ElementsAre("Clip"));
}

TEST(RemoveDead, KeepsWhatIsNeededInWaysThatAreEasilyMissed) {
  const Graph inner =
      tg::graph({}, {"kept_as_inner_output"}, {tg::node("Neg", {"captured"}, {"t"})});
  Graph graph =
      tg::graph({"x", "w_default"}, {"y", "constant_output"},
                {tg::node("A", {"x"}, {"captured"}), tg::node("B", {"x"}, {"kept_as_inner_output"}),
                 tg::node("C", {"x", "w"}, {"unused", "second"}), tg::node("Print", {"x"}, {}),
                 tg::with_inner(tg::node("If", {"second"}, {"y"}), {inner})});
  for (const char* name : {"w", "w_default", "constant_output"}) {
    graph.initializers.push_back(tg::constant(name));
  }
  EXPECT_EQ(remove_dead(graph), 0U);
  EXPECT_EQ(graph.nodes.size(), 5U);
  EXPECT_EQ(graph.initializers.size(), 3U);
}

// Against the definition: a node stays when a path of uses leads from it to a graph output.
TEST(RemoveDead, KeepsExactlyTheReachableNodesOfRandomGraphs) {
  std::mt19937 random(11);
  for (int round = 0; round < 50; ++round) {
    Graph graph = tg::random_graph(random, 25);
    std::set<std::string> needed;
    for (const ValueInfo& output : graph.outputs) {
      needed.insert(output.name);
    }
    std::set<std::string> live;
    for (size_t before = needed.size() + 1; before != needed.size();) {
      before = needed.size();
      for (const Node& node : graph.nodes) {
        if (std::ranges::any_of(node.outputs,
                                [&](const auto& o) { return !o.empty() && needed.contains(o); })) {
          live.insert(node.op_type);
          needed.insert(node.inputs.begin(), node.inputs.end());
          for (const std::string& name : captured_values(node)) {
            needed.insert(name);
          }
        }
      }
    }
    const size_t before = graph.nodes.size();
    EXPECT_EQ(remove_dead(graph), before - live.size());
    const std::vector<std::string> kept = tg::ops(graph);
    EXPECT_EQ(std::set(kept.begin(), kept.end()), live);
    EXPECT_EQ(remove_dead(graph), 0U);
  }
}

TEST(FindConstant, GivesTheInitializerToWriteTo) {
  Graph graph;
  graph.initializers.push_back(tg::constant("a"));
  graph.initializers.push_back(tg::constant("b"));
  EXPECT_EQ(find_constant(graph, "b"), &graph.initializers[1]);
  EXPECT_EQ(find_constant(graph, "c"), nullptr);
}

TEST(SortTopologically, KeepsAnOrderThatIsAlreadyTopological) {
  Graph graph = tg::graph({"x"}, {"d"},
                          {tg::node("a", {"x"}, {"a"}), tg::node("b", {"x"}, {"b"}),
                           tg::node("c", {"a"}, {"c"}), tg::node("d", {"b"}, {"d"})});
  EXPECT_TRUE(sort_topologically(graph));
  EXPECT_THAT(tg::ops(graph), ElementsAre("a", "b", "c", "d"));
}

TEST(SortTopologically, CountsCapturesAndAbsentInputs) {
  const Graph inner = tg::graph({}, {"t"}, {tg::node("Neg", {"late"}, {"t"})});
  Graph graph = tg::graph({"x"}, {"y"},
                          {tg::with_inner(tg::node("If", {"x", ""}, {"y", ""}), {inner}),
                           tg::node("Relu", {"x", "", ""}, {"late", ""})});
  EXPECT_TRUE(sort_topologically(graph));
  EXPECT_THAT(tg::ops(graph), ElementsAre("Relu", "If"));
}

TEST(SortTopologically, AValueThatTheInnerGraphShadowsIsNoEdge) {
  const Graph inner = tg::graph({"v"}, {"t"}, {tg::node("Neg", {"v"}, {"t"})});
  Graph graph = tg::graph(
      {"x"}, {"v"},
      {tg::with_inner(tg::node("Scan", {"x"}, {"y"}), {inner}), tg::node("Relu", {"y"}, {"v"})});
  EXPECT_TRUE(sort_topologically(graph));
  EXPECT_THAT(tg::ops(graph), ElementsAre("Scan", "Relu"));
}

TEST(SortTopologically, FindsCyclesAndLeavesTheGraphAsItWas) {
  Graph graph = tg::graph({"x"}, {"c"},
                          {tg::node("last", {"b"}, {"c"}), tg::node("a", {"x", "b"}, {"a"}),
                           tg::node("b", {"a"}, {"b"})});
  EXPECT_FALSE(sort_topologically(graph));
  EXPECT_THAT(tg::ops(graph), ElementsAre("last", "a", "b"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("x", "b"));

  Graph itself = tg::graph({}, {"a"}, {tg::node("a", {"a"}, {"a"})});
  EXPECT_FALSE(sort_topologically(itself));

  const Graph inner = tg::graph({}, {"t"}, {tg::node("Neg", {"y"}, {"t"})});
  Graph through_capture =
      tg::graph({"x"}, {"y"}, {tg::with_inner(tg::node("If", {"x"}, {"y"}), {inner})});
  EXPECT_FALSE(sort_topologically(through_capture));
}

TEST(SortTopologically, OrdersShuffledRandomGraphsWithAllTheirNodes) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    Graph graph = tg::random_graph(random, 40);
    std::ranges::shuffle(graph.nodes, random);
    std::vector<std::string> before = tg::ops(graph);
    ASSERT_TRUE(sort_topologically(graph));
    std::set<std::string> made = {"in", ""};
    for (const Node& node : graph.nodes) {
      for (const std::string& input : node.inputs) {
        EXPECT_TRUE(made.contains(input)) << node.op_type << " before " << input;
      }
      for (const std::string& input : captured_values(node)) {
        EXPECT_TRUE(made.contains(input)) << node.op_type << " before " << input;
      }
      made.insert(node.outputs.begin(), node.outputs.end());
    }
    std::vector<std::string> after = tg::ops(graph);
    std::ranges::sort(before);
    std::ranges::sort(after);
    EXPECT_EQ(after, before);
  }
}

}  // namespace
}  // namespace ptq
