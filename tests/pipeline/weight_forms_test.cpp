// The forms in which exporters leave weights: each ends as codes that the runtime's integer kernel
// reads, and the outputs stay those of the file.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/model_fixture.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;

struct Form {
  std::string name;
  std::string body;  // of g (float[2,8] x) => (float[2,8] y); W1 and W2 are [8,8] initializers
  int integer = 1;   // products that must run in integers
  int64_t opset = 13;
};

std::ostream& operator<<(std::ostream& out, const Form& form) {
  return out << form.name;
}

std::vector<Feeds> samples_for(const Model& model) {
  std::vector<Feeds> samples;
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    samples.push_back(normal_feeds(model, seed));
  }
  return samples;
}

class WeightForms : public ::testing::TestWithParam<Form> {};

TEST_P(WeightForms, RunInIntegers) {
  const Form& form = GetParam();
  const Model model = text_model(
      "(float[2,8] x) => (float[2,8] y) <" + normal_text("W1", {8, 8}, 1) + ", " +
          normal_text("W2", {8, 8}, 2) + ", " + normal_text("B", {8}, 3) + "> {" + form.body + "}",
      form.opset, form.opset < 13 ? 6 : 8);
  const QuantizedRun run = quantize_text_model(model, samples_for(model));
  EXPECT_LT(run.prepared_difference, 1e-5);
  EXPECT_GT(run.sqnr_db, 25.0);
  EXPECT_EQ(run.result.runtime.float_nodes, 0U);
  EXPECT_EQ(run.result.runtime.integer_nodes, static_cast<uint64_t>(form.integer));
}

INSTANTIATE_TEST_SUITE_P(
    Chains, WeightForms,
    ::testing::Values(
        Form{"Initializer", "y = MatMul (x, W1)"},
        Form{"Identity", "a = Identity (W1) b = Identity (a) y = MatMul (x, b)"},
        Form{"Transpose", "a = Transpose (W1) y = MatMul (x, a)"},
        Form{"Reshape",
             "s = Constant <value_ints = [1, 8, 8]> () a = Reshape (W1, s)\n"
             "t = Constant <value_ints = [8, 8]> () b = Reshape (a, t) y = MatMul (x, b)"},
        Form{"CastOfHalf", "h = Cast <to = 10> (W1) f = Cast <to = 1> (h) y = MatMul (x, f)"},
        Form{"CastOfDoubleTransposed",
             "h = Cast <to = 11> (W1) t = Transpose (h) f = Cast <to = 1> (t) y = MatMul (x, f)"},
        Form{"UnsqueezeOfOldOpset",
             "a = Unsqueeze <axes = [0]> (W1) b = Squeeze <axes = [0]> (a) y = MatMul (x, b)", 1,
             11},
        Form{"ScaledByAConstant",
             "s = Constant <value_float = 0.5> () a = Mul (W1, s)\n"
             "y = MatMul (x, a)"}),
    [](const auto& entry) { return entry.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Gemm, WeightForms,
    ::testing::Values(Form{"Plain", "y = Gemm (x, W1, B)"},
                      Form{"TransB", "y = Gemm <transB = 1> (x, W1, B)"},
                      Form{"AlphaBeta", "y = Gemm <alpha = 0.5, beta = 3.0> (x, W1, B)"},
                      Form{"AlphaBetaTransB",
                           "y = Gemm <alpha = -2.0, beta = 0.25, transB = 1> (x, W1, B)"},
                      Form{"WithoutBias", "y = Gemm <alpha = 0.5> (x, W1)"},
                      Form{"BiasOfOneRow",
                           "s = Constant <value_ints = [1, 8]> () b = Reshape (B, s)\n"
                           "y = Gemm (x, W1, b)"}),
    [](const auto& entry) { return entry.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Shared, WeightForms,
    ::testing::Values(
        // The same weight by columns and by rows: other scales, other codes.
        Form{"DifferentAxes", "a = MatMul (x, W1) b = Tanh (a) y = Gemm <transB = 1> (b, W1, B)",
             2},
        Form{"SameAxis", "a = MatMul (x, W1) b = Tanh (a) y = MatMul (b, W1)", 2},
        Form{"DirectAndTransposed",
             "t = Transpose (W1) a = MatMul (x, W1) b = Tanh (a) y = MatMul (b, t)", 2},
        Form{"AlsoReadInFloat",
             "a = MatMul (x, W1) b = Tanh (a) m = ReduceMax <axes = [0], keepdims = 0> (W1)\n"
             "y = Sub (b, m)"}),
    [](const auto& entry) { return entry.param.name; });

INSTANTIATE_TEST_SUITE_P(Bias, WeightForms,
                         ::testing::Values(Form{"AddBehind", "a = MatMul (x, W1) y = Add (a, B)"},
                                           Form{"AddBefore", "a = MatMul (x, W1) y = Add (B, a)"},
                                           Form{"AddThenRelu",
                                                "a = MatMul (x, W1) b = Add (a, B) c = Relu (b)\n"
                                                "y = MatMul (c, W2)",
                                                2}),
                         [](const auto& entry) { return entry.param.name; });

TEST(WeightForms, AWeightThatACallerMayReplaceStaysInFloat) {
  Model model = text_model("(float[2,8] x) => (float[2,8] y) <" + normal_text("W", {8, 8}, 1) +
                           ", " + normal_text("V", {8, 8}, 2) +
                           "> { a = Gemm (x, W) b = Tanh (a) y = Gemm (b, V) }");
  model.graph.inputs.push_back({.name = "W",
                                .dtype = DType::kFloat,
                                .has_shape = true,
                                .shape = {8, 8},
                                .symbols = {"", ""}});
  const QuantizedRun run = quantize_text_model(model, samples_for(model));
  EXPECT_THAT(decision_of(run, "a").reason, HasSubstr("not a constant"));
  EXPECT_TRUE(decision_of(run, "y").integer);
  ASSERT_FALSE(run.loaded.notes.empty());
  EXPECT_THAT(run.loaded.notes[0], HasSubstr("'W' is an input with a default"));
  EXPECT_EQ(run.result.model.graph.inputs.size(), 2U);
  EXPECT_GT(run.sqnr_db, 30.0);
}

TEST(Float16, AWholeModelIsQuantizedAndKeepsItsSignature) {
  const Model model =
      text_model("(float16[2,8] x) => (float16[2,8] y, float16[2,8] z) <" +
                 normal_text("w", {8, 8}, 1) + ", " + normal_text("v", {8, 8}, 2) + R"(> {
      w16 = Cast <to = 10> (w)
      v16 = Cast <to = 10> (v)
      a = MatMul (x, w16)
      b = Relu (a)
      c = Cast <to = 1> (b)
      d = Tanh (c)
      e = Cast <to = 10> (d)
      y = MatMul (e, v16)
      z = Neg (b)
    })");
  const QuantizedRun run = quantize_text_model(model, samples_for(model));
  // What is missing are the roundings of float16: 2^-11 each.
  EXPECT_LT(run.prepared_difference, 4e-3);
  EXPECT_GT(run.sqnr_db, 25.0);
  EXPECT_EQ(run.result.runtime.integer_nodes, 2U);
  EXPECT_EQ(run.result.runtime.float_nodes, 0U);
  EXPECT_EQ(run.result.model.graph.inputs[0].dtype, DType::kFloat16);
  EXPECT_EQ(run.result.model.graph.outputs[0].dtype, DType::kFloat16);
  EXPECT_EQ(kernels_of(run.result.model)["Cast"], 3);  // one input, two outputs
  EXPECT_THAT(run.loaded.notes, ::testing::Contains(HasSubstr("computed in float32")));
}

TEST(Float16, InsideBranchesToo) {
  const Model model = text_model("(float16[2,8] x, bool c) => (float16[2,8] y) <" +
                                 normal_text("w", {8, 8}, 1) + R"(> {
      w16 = Cast <to = 10> (w)
      y = If (c) <
        then_branch = t () => (float16[2,8] o) { o = MatMul (x, w16) },
        else_branch = e () => (float16[2,8] p) { p = Neg (x) }>
    })");
  std::vector<Feeds> samples;
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    Tensor flag(DType::kBool, {});
    flag.mutable_bytes()[0] = static_cast<std::byte>(seed % 2);
    samples.push_back(normal_feeds(model, seed, {{"c", flag}}));
  }
  const QuantizedRun run = quantize_text_model(model, samples);
  EXPECT_LT(run.prepared_difference, 2e-3);
  EXPECT_GT(run.sqnr_db, 30.0);
  EXPECT_TRUE(decision_of(run, "o").integer);
}

}  // namespace
}  // namespace ptq::testing
