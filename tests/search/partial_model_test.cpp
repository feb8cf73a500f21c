// Real runs of partly quantized models. In the model below the first product feeds a logarithm of
// values that span five decades, so 8 bits ruin it; the second one is harmless.
#include "search/partial_model.h"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "onnx_io/infer_shapes.h"
#include "onnx_io/text_model.h"
#include "plan/structure.h"
#include "ptq/activation_stats.h"
#include "search/noisy_nodes.h"

namespace ptq {
namespace {

constexpr int64_t kWidth = 16;

std::string matrix(const std::string& name, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(0.0F, 1.0F);
  std::string values;
  for (int64_t i = 0; i < kWidth * kWidth; ++i) {
    values += (i > 0 ? "," : "") + std::to_string(uniform(random));
  }
  return "float[16,16] " + name + " = {" + values + "}";
}

Model log_model() {
  Model model = parse_text_model(
      "<ir_version: 8, opset_import: [\"\" : 13]>\n"
      "g (float[4,16] x) => (float[4,16] y)\n<" +
      matrix("w", 1) + ", " + matrix("v", 2) +
      ">\n{ a = MatMul(x, w)\n b = Log(a)\n y = MatMul(b, v) }");
  infer_shapes(model);
  return model;
}

std::vector<Sample> samples(size_t count) {
  std::mt19937 random(3);
  std::normal_distribution<float> decades(0.0F, 3.0F);
  std::vector<Sample> out;
  for (size_t i = 0; i < count; ++i) {
    Tensor tensor(DType::kFloat, {4, kWidth});
    const std::span<float> values = tensor.mutable_data<float>();
    for (size_t row = 0; row < 4; ++row) {
      const float level = std::exp(decades(random));
      for (size_t column = 0; column < kWidth; ++column) {
        values[row * kWidth + column] = level * (1.0F + 0.1F * static_cast<float>(column % 3));
      }
    }
    Sample sample;
    sample.inputs["x"] = tensor;
    out.push_back(sample);
  }
  return out;
}

struct LogProblem {
  Model model = log_model();
  std::map<std::string, ChosenRange> ranges = {
      {"x", {{.lo = 0.0F, .hi = 2000.0F}, "absmax", "given"}},
      {"b", {{.lo = -8.0F, .hi = 12.0F}, "absmax", "given"}}};
  QuantPlan full = make_plan(model.graph, analyze_structure(model.graph, {}, targets().front()),
                             ranges, targets().front(), WeightForm::kInt8Safe);
};

TEST(PartialModel, KnowsTheProductsAndTheirErrors) {
  const LogProblem problem;
  PartialModel partial(problem.model, problem.ranges, problem.full, samples(4), 2);
  ASSERT_EQ(partial.products(), (std::vector<size_t>{0, 1}));
  EXPECT_TRUE(partial.measurable());
  EXPECT_EQ(partial.sqnr_db({}), std::numeric_limits<double>::infinity());
  const double all = partial.sqnr_db(partial.products());
  const double first = partial.sqnr_db(std::array<size_t, 1>{0});
  const double second = partial.sqnr_db(std::array<size_t, 1>{1});
  EXPECT_LT(first, 20.0);
  EXPECT_GT(second, 25.0);
  EXPECT_LT(all, 20.0);
}

TEST(PartialModel, TheNumberOfThreadsChangesNothing) {
  const LogProblem problem;
  PartialModel one(problem.model, problem.ranges, problem.full, samples(5), 1);
  PartialModel three(problem.model, problem.ranges, problem.full, samples(5), 3);
  EXPECT_EQ(one.sqnr_db(one.products()), three.sqnr_db(three.products()));
}

TEST(PartialModel, GroupTestingBlamesTheProductBeforeTheLogarithm) {
  const LogProblem problem;
  PartialModel partial(problem.model, problem.ranges, problem.full, samples(4), 2);
  const std::vector<NoisyNode> noisy =
      find_noisy_nodes(partial.products(), 20.0,
                       [&](std::span<const size_t> nodes) { return partial.sqnr_db(nodes); });
  ASSERT_EQ(noisy.size(), 1U);
  EXPECT_EQ(noisy[0].node, 0U);
}

}  // namespace
}  // namespace ptq
