#include "graph/unique_names.h"

#include <gtest/gtest.h>

#include "graph/build.h"

namespace ptq {
namespace {

namespace tg = testing_graph;

const Graph& inner(const Graph& main, size_t node, size_t k) {
  return *main.nodes[node].attributes[0].graphs[k];
}

TEST(MakeNamesUnique, RenamesInTheLaterBranchAndInsideIt) {
  const Graph deep = tg::graph({"i"}, {"d"}, {tg::node("Deep", {"t", "i"}, {"d"})});
  Graph second = tg::graph(
      {}, {"t"},
      {tg::node("Other", {"a"}, {"t"}), tg::with_inner(tg::node("Loop", {"t"}, {"q"}), {deep})});
  second.value_infos = tg::values({"t"});
  Graph main =
      tg::graph({"x"}, {"p"},
                {tg::node("Outer", {"x"}, {"a"}),
                 tg::with_inner(tg::node("If", {"a"}, {"p"}),
                                {tg::graph({}, {"t"}, {tg::node("One", {"a"}, {"t"})}), second})});
  EXPECT_EQ(make_names_unique(main), 1);
  EXPECT_EQ(inner(main, 1, 0).nodes[0].outputs[0], "t");
  const Graph& renamed = inner(main, 1, 1);
  EXPECT_EQ(renamed.nodes[0].outputs[0], "t_1");
  EXPECT_EQ(renamed.nodes[0].inputs[0], "a");  // from outside
  EXPECT_EQ(renamed.outputs[0].name, "t_1");
  EXPECT_EQ(renamed.value_infos[0].name, "t_1");
  EXPECT_EQ(renamed.nodes[1].inputs[0], "t_1");
  EXPECT_EQ(inner(renamed, 1, 0).nodes[0].inputs, (std::vector<std::string>{"t_1", "i"}));
  EXPECT_EQ(make_names_unique(main), 0);
}

TEST(MakeNamesUnique, GivesWayToTheMainGraphWhereverItMakesTheName) {
  // ONNX forbids this, real files do it: the branch uses a name that comes later outside.
  Graph main =
      tg::graph({"x"}, {"late"},
                {tg::with_inner(tg::node("If", {"x"}, {"p"}),
                                {tg::graph({}, {"late"}, {tg::node("In", {"x"}, {"late"})})}),
                 tg::node("Out", {"p"}, {"late"})});
  EXPECT_EQ(make_names_unique(main), 1);
  EXPECT_EQ(main.nodes[1].outputs[0], "late");
  EXPECT_EQ(inner(main, 0, 0).outputs[0].name, "late_1");
}

TEST(MakeNamesUnique, LeavesWhatAForeignOperatorKnowsByName) {
  Node foreign = tg::with_inner(tg::node("BeamSearch", {"x"}, {"p"}),
                                {tg::graph({"ids"}, {"y"}, {tg::node("In", {"ids"}, {"y"})}),
                                 tg::graph({"ids"}, {"y"}, {tg::node("In", {"ids"}, {"y"})})});
  foreign.domain = "com.microsoft";
  Graph main = tg::graph({"x"}, {"p"}, {foreign});
  EXPECT_EQ(make_names_unique(main), 0);
  EXPECT_EQ(inner(main, 0, 1).inputs[0].name, "ids");
}

TEST(MakeNamesUnique, TellsNodesApartToo) {
  Node named = tg::node("In", {"x"}, {"u"});
  named.name = "conv";
  Node outer = named;
  outer.outputs = {"o"};
  Graph main = tg::graph(
      {"x"}, {"p"},
      {outer, tg::with_inner(tg::node("If", {"o"}, {"p"}), {tg::graph({}, {"u"}, {named})})});
  EXPECT_EQ(make_names_unique(main), 1);
  EXPECT_EQ(main.nodes[0].name, "conv");
  EXPECT_EQ(inner(main, 1, 0).nodes[0].name, "conv_1");
}

}  // namespace
}  // namespace ptq
