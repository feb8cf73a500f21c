// One scale a weight instead of one a channel: what the file holds, and that the runtime still
// computes all products from codes.

#include <gtest/gtest.h>

#include "graph/index.h"
#include "pipeline/model_fixture.h"

namespace ptq::testing {
namespace {

constexpr const char* kSignature = "(float[1,4,6,6] x) => (float[1,6,6,6] y)";

QuantizedRun quantize(WeightGranularity granularity, WeightForm form) {
  const Model model =
      text_model(std::string(kSignature) + "<" + normal_text("w", {8, 4, 3, 3}, 1) + ", " +
                 normal_text("b", {8}, 2) + ", " + normal_text("d", {8, 1, 3, 3}, 3) + ", " +
                 normal_text("v", {6, 8, 1, 1}, 4) + R"(> {
      a = Conv <pads = [1,1,1,1]> (x, w, b)
      r = Relu (a)
      c = Conv <pads = [1,1,1,1], group = 8> (r, d)
      s = Relu (c)
      y = Conv (s, v)
    })");
  std::vector<Feeds> samples;
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    samples.push_back(normal_feeds(model, seed));
  }
  QuantizeRequest request;
  request.weight_form = form;
  request.granularity = granularity;
  return quantize_text_model(model, samples, request);
}

// Ranks of the scales of what DequantizeLinear makes of constants.
std::vector<int64_t> ranks_of_constant_scales(const Graph& graph) {
  const GraphIndex index(graph);
  std::vector<int64_t> ranks;
  for (const Node& node : graph.nodes) {
    if (node.is("DequantizeLinear") && index.constant(node.inputs[0]) != nullptr) {
      ranks.push_back(index.constant(node.inputs[1])->tensor.rank());
    }
  }
  return ranks;
}

class WeightGranularityForms : public ::testing::TestWithParam<WeightForm> {};

TEST_P(WeightGranularityForms, ATensorHasOneScaleAndStaysInInteger) {
  const QuantizedRun run = quantize(WeightGranularity::kTensor, GetParam());
  EXPECT_EQ(ranks_of_constant_scales(run.result.model.graph), std::vector<int64_t>({0, 0, 0, 0}));
  EXPECT_EQ(run.result.runtime.float_nodes, 0U);
  EXPECT_EQ(run.result.runtime.integer_nodes, 3U);
  EXPECT_GT(run.sqnr_db, 20.0);
}

INSTANTIATE_TEST_SUITE_P(Forms, WeightGranularityForms,
                         ::testing::Values(WeightForm::kInt8Safe, WeightForm::kInt8,
                                           WeightForm::kUint8));

TEST(WeightGranularityForms, AChannelHasItsOwnScaleByDefault) {
  const QuantizedRun run = quantize(WeightGranularity::kChannel, WeightForm::kInt8);
  EXPECT_EQ(ranks_of_constant_scales(run.result.model.graph), std::vector<int64_t>({1, 1, 1, 1}));
  EXPECT_GT(run.sqnr_db, quantize(WeightGranularity::kTensor, WeightForm::kInt8).sqnr_db);
}

}  // namespace
}  // namespace ptq::testing
