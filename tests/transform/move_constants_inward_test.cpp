#include <gtest/gtest.h>

#include "graph/model_index.h"
#include "transform/model_check.h"
#include "transform/passes.h"

namespace ptq::testing {
namespace {

const auto kPass = [](Model& model) {
  Notes notes;
  move_constants_inward(model, notes);
};

std::vector<size_t> constants_of(Model& model) {
  std::vector<size_t> counts;
  for (const Graph* graph : all_graphs(model.graph)) {
    counts.push_back(graph->initializers.size());
  }
  return counts;
}

TEST(MoveConstantsInward, AWeightGoesToItsOnlyReader) {
  const Model model =
      model_of(13, "(float[2,2] x, bool c) => (float[2,2] y)", {weight_text("w", {2, 2}, 1)}, R"(
      y = If (c) <
        then_branch = t () => (float[2,2] u) {
          u = If (c) <
            then_branch = t2 () => (float[2,2] p) { p = MatMul (x, w) },
            else_branch = e2 () => (float[2,2] q) { q = Neg (x) }>
        },
        else_branch = e () => (float[2,2] s) { s = Abs (x) }>)");
  Model after = expect_same_outputs(model, kPass, 0.0);
  // main, then, then-then, then-else, else
  EXPECT_EQ(constants_of(after), (std::vector<size_t>{0, 0, 1, 0, 0}));
}

TEST(MoveConstantsInward, SmallSharedOnesAreCopiedAndLargeOnesStay) {
  const std::string signature = "(float[2,40] x, bool c) => (float[2,40] y)";
  const std::string nodes = R"(
      a = Mul (x, b)
      y = If (c) <
        then_branch = t () => (float[2,40] u) { v = Add (a, b) u = MatMul (v, w) },
        else_branch = e () => (float[2,40] s) { r = Sub (a, b) s = MatMul (r, w) }>)";
  const Model model =
      model_of(13, signature, {weight_text("b", {40}, 1), weight_text("w", {40, 40}, 2)}, nodes);
  Model after = expect_same_outputs(model, kPass, 0.0);
  EXPECT_EQ(constants_of(after), (std::vector<size_t>{2, 1, 1}));
}

TEST(MoveConstantsInward, DefaultsOfInputsAndHandedOutConstantsStay) {
  Model model = model_of(13, "(float[2] x, bool c) => (float[2] y)", {weight_text("b", {2}, 1)},
                         R"(
      y = If (c) <
        then_branch = t () => (float[2] u) { u = Add (x, b) },
        else_branch = e () => (float[2] s) { s = Abs (x) }>)");
  model.graph.inputs.push_back(
      {.name = "b", .dtype = DType::kFloat, .has_shape = true, .shape = {2}});
  kPass(model);
  EXPECT_EQ(constants_of(model), (std::vector<size_t>{1, 0, 0}));
}

}  // namespace
}  // namespace ptq::testing
