#include "graph/model_index.h"

#include <gtest/gtest.h>

#include "graph/build.h"

namespace ptq {
namespace {

namespace tg = testing_graph;

// main { a = Op(x); p = If(a) { b = Op(a, w); q = Loop { c = Op(b, v) }, z = Op(v) } }
Graph nested_graph() {
  Graph loop = tg::graph({"i"}, {"c"}, {tg::node("Deep", {"b", "v"}, {"c"})});
  Graph then_branch = tg::graph({}, {"q"},
                                {tg::node("Inner", {"a", "w"}, {"b"}),
                                 tg::with_inner(tg::node("Loop", {"b"}, {"q"}), {loop})});
  then_branch.initializers.push_back(tg::constant("w"));
  const Graph else_branch = tg::graph({}, {"z"}, {tg::node("Other", {"v"}, {"z"})});
  Graph main =
      tg::graph({"x"}, {"p"},
                {tg::node("Outer", {"x"}, {"a"}),
                 tg::with_inner(tg::node("If", {"a"}, {"p"}), {then_branch, else_branch})});
  main.inputs[0].dtype = DType::kFloat;
  main.initializers.push_back(tg::constant("v"));
  return main;
}

TEST(ModelIndex, ListsGraphsBeforeThoseInside) {
  Graph main = nested_graph();
  const std::vector<Graph*> graphs = all_graphs(main);
  const ModelIndex index(main);
  ASSERT_EQ(graphs.size(), 4U);
  ASSERT_EQ(index.size(), 4U);
  const char* const first_op[] = {"Outer", "Inner", "Deep", "Other"};
  for (size_t k = 0; k < 4; ++k) {
    EXPECT_EQ(graphs[k]->nodes[0].op_type, first_op[k]);
    EXPECT_EQ(&index[k].graph(), graphs[k]);
  }
}

TEST(ModelIndex, FindsTheGraphOfAValue) {
  const Graph main = nested_graph();
  const ModelIndex index(main);
  EXPECT_EQ(index.find_graph("x"), 0U);
  EXPECT_EQ(index.find_graph("b"), 1U);
  EXPECT_EQ(index.find_graph("i"), 2U);
  EXPECT_EQ(index.find_graph("z"), 3U);
  EXPECT_EQ(index.find_graph("v"), ModelIndex::npos);  // an initializer
}

TEST(ModelIndex, SeesConstantsAndTypesOfTheGraphsAround) {
  const Graph main = nested_graph();
  const ModelIndex index(main);
  EXPECT_EQ(index[2].constant("v"), &main.initializers[0]);
  EXPECT_EQ(index[2].fixed_constant("v"), &main.initializers[0]);
  EXPECT_NE(index[1].constant("w"), nullptr);
  EXPECT_EQ(index[2].dtype("x"), DType::kFloat);
  EXPECT_EQ(index[3].constant("w"), nullptr);  // a branch does not see its neighbour
  // Who makes and uses a value is asked of each graph alone.
  EXPECT_EQ(index[1].producer("a"), nullptr);
  EXPECT_EQ(index[1].uses("a").size(), 1U);
  EXPECT_FALSE(index[2].is_graph_input("x"));
}

TEST(ModelIndex, PrefersTheValueOfItsOwnGraph) {
  Graph inner = tg::graph({}, {"y"}, {tg::node("Make", {}, {"v"}), tg::node("Use", {"v"}, {"y"})});
  Graph main = tg::graph({}, {"p"}, {tg::with_inner(tg::node("If", {"c"}, {"p"}), {inner})});
  main.initializers.push_back(tg::constant("v"));
  const ModelIndex index(main);
  EXPECT_EQ(index[1].constant("v"), nullptr);
  EXPECT_EQ(index[0].constant("v"), &main.initializers[0]);
}

}  // namespace
}  // namespace ptq
