#include "transform/raise_opset_21.h"

#include <gtest/gtest.h>

#include "transform/model_check.h"

namespace ptq::testing {
namespace {

const auto kRaise = [](Model& model) {
  Notes notes;
  EXPECT_EQ(raise_opset_21(model, notes), 1);
};

Model expect_raised(const Model& model) {
  Model after = expect_same_outputs(model, kRaise, 1e-6);
  EXPECT_EQ(after.opset(), 21);
  EXPECT_EQ(after.ir_version, 10);
  return after;
}

TEST(RaiseOpset21, AxesOfReductionsBecomeInputs) {
  for (const int64_t opset : {13, 17}) {
    const Model after = expect_raised(model_of(opset, "(float[2,3,4] x) => (float[2,3] y)", {}, R"(
        a = ReduceMean <axes = [-1], keepdims = 1> (x)
        b = ReduceMax <axes = [2], keepdims = 0> (x)
        c = ReduceL2 <axes = [2], keepdims = 0> (x)
        d = ReduceMin <keepdims = 0> (x)
        e = ReduceProd <axes = [1], keepdims = 0> (a)
        f = Add (b, c)
        g = Add (f, d)
        y = Add (g, e))"));
    EXPECT_EQ(after.graph.nodes[0].inputs.size(), 2U);
    EXPECT_EQ(after.graph.nodes[3].inputs.size(), 1U);
  }
}

TEST(RaiseOpset21, PartsOfASplitAreCounted) {
  const Model after = expect_raised(model_of(
      13, "(float[2,6] x) => (float[2,2] y, float[2,4] z, float[2,3] u, float[2,3] v)",
      {"int64[2] s = {2, 4}"}, "y, z = Split <axis = 1> (x, s) u, v = Split <axis = 1> (x)"));
  EXPECT_EQ(after.graph.nodes[0].find_attribute("num_outputs"), nullptr);
  EXPECT_EQ(after.graph.nodes[1].int_attribute("num_outputs", 0), 2);
}

TEST(RaiseOpset21, ModesKeepTheirMeaning) {
  expect_raised(
      model_of(13, "(float[1,2,8,8] x) => (float[1,2,3,3] y)",
               {"float[1,4] r = {0.7, 1.2, 6.4, 7.1}", "int64[1] b = {0}"},
               "y = RoiAlign <output_height = 3, output_width = 3, sampling_ratio = 2> (x, r, b)"));
  for (const char* mode : {"bilinear", "bicubic", "nearest"}) {
    expect_raised(model_of(16, "(float[1,1,4,4] x) => (float[1,1,2,2] y)",
                           {"float[1,2,2,2] g = {0.1, 0.2, -0.4, 0.6, 0.9, -0.3, 0.0, 0.5}"},
                           std::string("y = GridSample <mode = \"") + mode + "\"> (x, g)"));
  }
}

TEST(RaiseOpset21, InnerGraphsMoveToo) {
  const Model after = expect_raised(model_of(13, "(float[2,4] x, bool c) => (float[2,1] y)", {}, R"(
      y = If (c) <
        then_branch = t () => (float[2,1] u) { u = ReduceMean <axes = [1]> (x) },
        else_branch = e () => (float[2,1] v) { v = ReduceMax <axes = [1]> (x) }>)"));
  const Node& branch = after.graph.nodes[0];
  EXPECT_EQ(branch.attributes[0].graphs.at(0)->nodes[0].inputs.size(), 2U);
}

TEST(RaiseOpset21, LeavesWhatItCannotMove) {
  Model old_model = model_of(12, "(float[2,4] x) => (float[2,4] y)", {}, "y = Relu (x)");
  Notes notes;
  EXPECT_EQ(raise_opset_21(old_model, notes), 0);
  EXPECT_EQ(old_model.opset(), 12);
  Model groups = model_of(18, "(float[1,4,2] x) => (float[1,4,2] y)",
                          {"float[2] s = {1.0, 2.0}", "float[2] b = {0.0, 1.0}"},
                          "y = GroupNormalization <num_groups = 2> (x, s, b)");
  EXPECT_EQ(raise_opset_21(groups, notes), 0);
  EXPECT_EQ(groups.opset(), 18);
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_NE(notes[1].find("GroupNormalization"), std::string::npos);
}

TEST(RaiseOpset21, NewerModelsStay) {
  Model model = model_of(22, "(float[2,4] x) => (float[2,4] y)", {}, "y = Relu (x)", 11);
  kRaise(model);
  EXPECT_EQ(model.opset(), 22);
  EXPECT_EQ(model.ir_version, 11);
}

}  // namespace
}  // namespace ptq::testing
