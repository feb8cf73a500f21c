// Nodes inside If, Loop and Scan bodies and local functions: quantized where the runtime then has
// an integer kernel, else left in float with a reason, and never changed in what they compute.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/model_index.h"
#include "onnx_io/text_model.h"
#include "pipeline/model_fixture.h"

namespace ptq::testing {
namespace {

using ::testing::HasSubstr;

Tensor flag(bool value) {
  Tensor tensor(DType::kBool, {});
  tensor.mutable_bytes()[0] = static_cast<std::byte>(value ? 1 : 0);
  return tensor;
}

// Both branches call their values alike, as exporters do; the weights lie outside.
Model branching_model() {
  return text_model("(float[1,4,6,6] x, bool c) => (float[1,4,6,6] y) <" +
                    normal_text("w", {4, 4, 3, 3}, 1) + ", " + normal_text("v", {4, 4, 1, 1}, 2) +
                    ", " + normal_text("u", {4, 4, 1, 1}, 3) + R"(> {
      a = Conv <pads = [1,1,1,1]> (x, w)
      r = Relu (a)
      b = If (c) <
        then_branch = t () => (float[1,4,6,6] o) { n = Conv (r, v) m = Relu (n) o = Conv (m, u) },
        else_branch = e () => (float[1,4,6,6] o) { n = Neg (r) o = Conv (n, v) }>
      y = Conv (b, u)
    })");
}

TEST(InnerGraphs, ConvolutionsInBothBranchesRunInIntegers) {
  const Model model = branching_model();
  std::vector<Feeds> samples;
  for (uint32_t seed = 0; seed < 8; ++seed) {
    samples.push_back(normal_feeds(model, seed + 1, {{"c", flag(seed % 2 == 0)}}));
  }
  const QuantizedRun run = quantize_text_model(model, samples);
  EXPECT_LT(run.prepared_difference, 1e-5);
  // Five 8-bit steps in a row: about 38 dB each.
  EXPECT_TRUE(run.warnings.empty() || run.warnings[0].find("slower") == std::string::npos)
      << run.warnings[0];
  EXPECT_GT(run.sqnr_db, 28.0);
  std::map<std::string, int> kernels = kernels_of(run.result.model);
  EXPECT_EQ(kernels["QLinearConv"], 5);
  EXPECT_EQ(kernels["Conv"] + kernels["FusedConv"], 0);
  EXPECT_EQ(run.result.runtime.float_nodes, 0U);
}

TEST(InnerGraphs, ABranchThatNoSampleTakesStaysInFloat) {
  const Model model = branching_model();
  std::vector<Feeds> samples;
  for (uint32_t seed = 0; seed < 4; ++seed) {
    samples.push_back(normal_feeds(model, seed + 1, {{"c", flag(true)}}));
  }
  const QuantizedRun run = quantize_text_model(model, samples);
  EXPECT_GT(run.sqnr_db, 28.0);
  int kept = 0;
  for (const Decision& decision : all_decisions(run.result.plan)) {
    if (decision.op_type == "Conv" && !decision.integer) {
      EXPECT_THAT(decision.reason, HasSubstr("no sample computed"));
      ++kept;
    }
  }
  EXPECT_EQ(kept, 1);
  EXPECT_EQ(run.result.runtime.float_nodes, 1U);
  ASSERT_EQ(run.warnings.empty(), false);
  EXPECT_THAT(run.warnings[0], HasSubstr("no sample computed"));
}

TEST(InnerGraphs, AWeightOutsideOfALoopIsUsedInIntegersInside) {
  const Model model = text_model("(float[2,8] x, int64 n) => (float[2,8] y) <" +
                                 normal_text("w", {8, 8}, 4) + R"(, bool go = {1}> {
      z = Loop (n, go, x) <body = b (int64 i, bool k, float[2,8] s) => (bool k2, float[2,8] s2) {
        k2 = Identity (k)
        p = MatMul (s, w)
        s2 = Tanh (p)
      }>
      y = MatMul (z, w)
    })");
  std::vector<Feeds> samples;
  for (uint32_t seed = 0; seed < 6; ++seed) {
    samples.push_back(
        normal_feeds(model, seed + 1, {{"n", Tensor::scalar<int64_t>(1 + seed % 2)}}));
  }
  const QuantizedRun run = quantize_text_model(model, samples);
  EXPECT_EQ(run.prepared_difference, 0.0);
  EXPECT_GT(run.sqnr_db, 20.0);
  EXPECT_TRUE(decision_of(run, "p").integer);
  EXPECT_EQ(run.result.runtime.float_nodes, 0U);
}

TEST(InnerGraphs, TheInputOfAScanBodyIsObservedThere) {
  const Model model =
      text_model("(float[5,2,8] x) => (float[5,2,8] y) <" + normal_text("w", {8, 8}, 5) + R"(> {
      y = Scan <num_scan_inputs = 1, body = b (float[2,8] s) => (float[2,8] o) {
        o = MatMul (s, w)
      }> (x)
    })");
  std::vector<Feeds> samples;
  for (uint32_t seed = 0; seed < 4; ++seed) {
    samples.push_back(normal_feeds(model, seed + 1));
  }
  const QuantizedRun run = quantize_text_model(model, samples);
  EXPECT_GT(run.sqnr_db, 30.0);
  EXPECT_TRUE(decision_of(run, "o").integer);
  EXPECT_EQ(kernels_of(run.result.model)["MatMul"], 0);
}

TEST(InnerGraphs, AnIfOfAConstantBecomesItsBranch) {
  const Model model = text_model("(float[2,8] x) => (float[2,8] y, float[2,8] z, float[2,8] p) <" +
                                 normal_text("w", {8, 8}, 6) + R"(, int64 a = {3}, int64 b = {3}> {
      r = Relu (x)
      c = Equal (a, b)
      y, q, z, p = If (c) <
        then_branch = t () => (float[2,8] m, float[2,8] k, float[2,8] l, float[2,8] h) {
          m = MatMul (r, w) k = Neg (m) l = Abs (k) h = Identity (r) },
        else_branch = e () => (float[2,8] f, float[2,8] g, float[2,8] i, float[2,8] j) {
          f = Neg (r) g = Neg (r) i = Neg (r) j = Neg (r) }>
    })");
  const QuantizedRun run =
      quantize_text_model(model, {normal_feeds(model, 1), normal_feeds(model, 2)});
  EXPECT_EQ(run.prepared_difference, 0.0);
  EXPECT_GT(run.sqnr_db, 30.0);
  EXPECT_EQ(ModelIndex(run.loaded.model.graph).size(), 1U);
  EXPECT_TRUE(decision_of(run, "y").integer);
}

TEST(InnerGraphs, LocalFunctionsAreExpandedAndQuantized) {
  const Model model = parse_text_model(R"(
    <ir_version: 8, opset_import: ["" : 13, "my" : 1]>
    g (float[2,8] x) => (float[2,8] y) <)" +
                                       normal_text("w", {8, 8}, 7) + R"(> {
      a = my.Block <scale = 2.0> (x, w)
      y = my.Block <scale = 0.5> (a, w)
    }
    <domain: "my", opset_import: ["" : 13]>
    Block <scale> (v, m) => (o) {
      p = MatMul (v, m)
      s = Constant <value_float: float = @scale> ()
      q = Mul (p, s)
      o = Relu (q)
    })");
  ASSERT_TRUE(model.has_functions);
  const QuantizedRun run =
      quantize_text_model(model, {normal_feeds(model, 1), normal_feeds(model, 2)});
  EXPECT_LT(run.prepared_difference, 1e-6);
  EXPECT_FALSE(run.loaded.model.has_functions);
  EXPECT_GT(run.sqnr_db, 28.0);
  EXPECT_EQ(run.result.runtime.integer_nodes, 2U);
  EXPECT_EQ(run.result.runtime.float_nodes, 0U);
}

TEST(InnerGraphs, KeepFloatKnowsTheNodesInside) {
  const Model model = branching_model();
  const std::vector<Feeds> samples = {normal_feeds(model, 1, {{"c", flag(true)}}),
                                      normal_feeds(model, 2, {{"c", flag(false)}})};
  QuantizeRequest request;
  request.keep_float = {"m"};  // a Relu inside the first branch
  const QuantizedRun run = quantize_text_model(model, samples, request);
  EXPECT_THAT(decision_of(run, "m").reason, HasSubstr("as asked"));
}

}  // namespace
}  // namespace ptq::testing
