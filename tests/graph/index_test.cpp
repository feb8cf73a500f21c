#include "graph/index.h"

#include <map>
#include <type_traits>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/build.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace tg = testing_graph;

using Pairs = std::vector<std::pair<size_t, size_t>>;

Pairs uses_of(const GraphIndex& index, std::string_view value) {
  Pairs out;
  for (const GraphIndex::Use& use : index.uses(value)) {
    out.emplace_back(use.node, use.slot);
  }
  return out;
}

constexpr size_t kCaptured = GraphIndex::kCaptured;

Graph small_graph() {
  Graph graph = tg::graph(
      {"x", "w_default"}, {"y"},
      {tg::node("Conv", {"x", "w"}, {"a"}), tg::node("Mul", {"a", "a"}, {"b"}),
       tg::node("Clip", {"b", "", "w_default"}, {"y", ""}), tg::node("Shape", {"x"}, {"unused"})});
  graph.initializers.push_back(tg::constant("w"));
  graph.initializers.push_back(tg::constant("w_default"));
  return graph;
}

static_assert(!std::is_constructible_v<GraphIndex, Graph&&>,
              "an index of a temporary would keep views into it");

TEST(GraphIndex, TellsWhoMakesAValue) {
  const Graph graph = small_graph();
  const GraphIndex index(graph);
  EXPECT_EQ(index.producer("a"), &graph.nodes[0]);
  EXPECT_EQ(index.producer_position("y"), 2U);
  for (const char* name : {"x", "w", "nothing", ""}) {
    EXPECT_EQ(index.producer(name), nullptr) << name;
    EXPECT_EQ(index.producer_position(name), GraphIndex::npos) << name;
  }
}

TEST(GraphIndex, ListsEachUseWithItsSlot) {
  const Graph graph = small_graph();
  const GraphIndex index(graph);
  EXPECT_EQ(uses_of(index, "x"), (Pairs{{0, 0}, {3, 0}}));
  EXPECT_EQ(uses_of(index, "a"), (Pairs{{1, 0}, {1, 1}}));
  EXPECT_EQ(uses_of(index, "w_default"), (Pairs{{2, 2}}));
  EXPECT_THAT(uses_of(index, ""), IsEmpty());  // an absent input is no use
  EXPECT_THAT(uses_of(index, "nothing"), IsEmpty());
}

TEST(GraphIndex, OnlyConsumerNeedsExactlyOneVisibleUse) {
  const Graph graph = small_graph();
  const GraphIndex index(graph);
  EXPECT_EQ(index.only_consumer("b"), &graph.nodes[2]);
  EXPECT_EQ(index.only_consumer("a"), nullptr);       // twice by one node
  EXPECT_EQ(index.only_consumer("x"), nullptr);       // by two nodes
  EXPECT_EQ(index.only_consumer("unused"), nullptr);  // by none
  EXPECT_EQ(index.only_consumer("nothing"), nullptr);

  const Graph output =
      tg::graph({"x"}, {"a", "b"}, {tg::node("Relu", {"x"}, {"a"}), tg::node("Neg", {"a"}, {"b"})});
  EXPECT_EQ(GraphIndex(output).only_consumer("a"), nullptr);  // also a graph output

  const Graph captured =
      tg::graph({"x"}, {"b"},
                {tg::node("Relu", {"x"}, {"a"}),
                 tg::with_inner(tg::node("If", {"x"}, {"b"}),
                                {tg::graph({}, {"t"}, {tg::node("Neg", {"a"}, {"t"})})})});
  EXPECT_EQ(GraphIndex(captured).only_consumer("a"), nullptr);
}

TEST(GraphIndex, ADefaultOfAnInputIsNoFixedConstant) {
  const Graph graph = small_graph();
  const GraphIndex index(graph);
  EXPECT_EQ(index.constant("w"), &graph.initializers[0]);
  EXPECT_EQ(index.fixed_constant("w"), &graph.initializers[0]);
  EXPECT_EQ(index.constant("w_default"), &graph.initializers[1]);
  EXPECT_EQ(index.fixed_constant("w_default"), nullptr);
  EXPECT_EQ(index.constant("x"), nullptr);
  EXPECT_TRUE(index.is_graph_input("w_default"));
  EXPECT_FALSE(index.is_graph_input("w"));
  EXPECT_TRUE(index.is_graph_output("y"));
  EXPECT_FALSE(index.is_graph_output("a"));
}

TEST(GraphIndex, TakesTypeAndShapeFromConstantOrDeclaration) {
  Graph graph = small_graph();
  graph.inputs[0] = {.name = "x", .dtype = DType::kFloat, .has_shape = true, .shape = {1, -1}};
  graph.outputs[0] = {.name = "y", .dtype = DType::kFloat16};
  graph.value_infos = {{.name = "a", .dtype = DType::kFloat, .has_shape = true, .shape = {}}};
  const GraphIndex index(graph);
  EXPECT_EQ(*index.shape("x"), (Shape{1, -1}));
  EXPECT_EQ(*index.shape("a"), Shape{});
  EXPECT_EQ(*index.shape("w"), Shape{});
  EXPECT_EQ(index.dtype("w"), DType::kFloat);
  EXPECT_EQ(index.shape("y"), nullptr);  // declared without a shape
  EXPECT_EQ(index.dtype("y"), DType::kFloat16);
  EXPECT_EQ(index.shape("b"), nullptr);
  EXPECT_EQ(index.dtype("b"), DType::kUndefined);
  EXPECT_EQ(index.info("w"), nullptr);
}

TEST(GraphIndex, CountsOneCaptureANodeInAnyOrderOfTheNodes) {
  const Graph inner = tg::graph(
      {}, {"t"}, {tg::node("Add", {"late", "late"}, {"s"}), tg::node("Neg", {"s"}, {"t"})});
  const Graph graph = tg::graph(
      {"x"}, {"y"},
      {tg::with_inner(tg::node("If", {"x"}, {"y"}), {inner, inner}),  // before its producer
       tg::node("Relu", {"x"}, {"late"})});
  const GraphIndex index(graph);
  EXPECT_EQ(uses_of(index, "late"), (Pairs{{0, kCaptured}}));
  EXPECT_THAT(uses_of(index, "s"), IsEmpty());
  EXPECT_THAT(uses_of(index, "t"), IsEmpty());
}

// Keys are views into the graph. A captured name is a temporary string while the index is built;
// under the address sanitizer a key that pointed to it would be found here.
TEST(GraphIndex, KeepsNoViewOfATemporaryName) {
  const std::string far_away = "a value of a graph around this one, with a long name";
  const std::string near = "a value of this graph, with a name too long for the small buffer";
  const Graph inner = tg::graph({}, {"t"}, {tg::node("Add", {far_away, near}, {"t"})});
  const Graph graph = tg::graph(
      {"x"}, {"y"},
      {tg::node("Relu", {"x"}, {near}), tg::with_inner(tg::node("If", {"x"}, {"y"}), {inner})});
  const GraphIndex index(graph);
  EXPECT_EQ(uses_of(index, near), (Pairs{{1, kCaptured}}));
  EXPECT_THAT(uses_of(index, far_away), IsEmpty());
  EXPECT_EQ(index.producer(far_away), nullptr);
}

TEST(CapturedValues, AreWhatTheInnerGraphDoesNotDefine) {
  Graph inner = tg::graph({"loop_input"}, {"r", "from_outside"},
                          {tg::node("Add", {"loop_input", "a"}, {"q"}),
                           tg::node("Mul", {"q", "w"}, {"r"}), tg::node("Add", {"r", ""}, {"s"})});
  inner.initializers.push_back(tg::constant("w"));
  const Node node = tg::with_inner(tg::node("Loop", {"x"}, {"y"}), {inner});
  EXPECT_THAT(captured_values(node), ElementsAre("a", "from_outside"));
  EXPECT_THAT(captured_values(tg::node("Conv", {"x"}, {"y"})), IsEmpty());
}

TEST(CapturedValues, LookThroughTwoLevelsAndRespectShadowing) {
  const Graph innermost = tg::graph(
      {}, {"z"},
      {tg::node("Add", {"outer", "middle"}, {"p"}), tg::node("Add", {"p", "hidden"}, {"z"})});
  // "middle" is made and "hidden" is an input of the middle graph: neither comes from outside.
  const Graph middle = tg::graph({"hidden"}, {"m"},
                                 {tg::node("Neg", {"b"}, {"middle"}),
                                  tg::with_inner(tg::node("If", {"c"}, {"m"}), {innermost})});
  EXPECT_THAT(captured_values(tg::with_inner(tg::node("Loop", {}, {"y"}), {middle})),
              ElementsAre("b", "c", "outer"));
}

TEST(GraphIndex, EqualsANaiveScanOnRandomGraphs) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    const Graph graph = tg::random_graph(random, 30);
    std::map<std::string, size_t> producers;
    std::map<std::string, Pairs> uses;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      const Node& node = graph.nodes[i];
      for (const std::string& output : node.outputs) {
        producers[output] = i;
      }
      for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
        uses[node.inputs[slot]].emplace_back(i, slot);
      }
      for (const Attribute& attribute : node.attributes) {
        uses[attribute.graphs[0]->nodes[0].inputs[0]].emplace_back(i, kCaptured);
      }
    }
    producers.erase("");
    uses.erase("");
    const GraphIndex index(graph);
    for (const auto& [name, position] : producers) {
      EXPECT_EQ(index.producer_position(name), position) << name;
      EXPECT_EQ(uses_of(index, name), uses[name]) << name;
    }
    EXPECT_EQ(uses_of(index, "in"), uses["in"]);
  }
}

}  // namespace
}  // namespace ptq
