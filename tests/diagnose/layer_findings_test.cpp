#include "diagnose/layer_findings.h"

#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> codes_of(const std::vector<float>& values,
                                  const FindingContext& context = {.percentile = 100.0}) {
  TensorStats stats = stats_of(values);
  LayerDiagnosis layer{.node = "n", .op_type = "MatMul", .product = true, .integer = true};
  layer.tensor = diagnose_tensor("x", stats, {.dtype = DType::kUint8}, {});
  layer.weight = WeightProfile{.name = "w", .channel_db_8 = 40.0, .channel_db_4 = 18.0};
  for (const DiagnosisFinding& finding : layer_findings(layer, &stats, context)) {
    EXPECT_EQ(finding.layer, "x");
  }
  return layer.codes;
}

std::vector<float> normal(size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> next;
  std::vector<float> values(count);
  for (float& value : values) {
    value = next(random);
  }
  return values;
}

TEST(LayerFindings, AnOrdinaryTensorHasNone) {
  EXPECT_THAT(codes_of(normal(20000)), IsEmpty());
}

TEST(LayerFindings, ValuesSpeakForThemselves) {
  EXPECT_THAT(codes_of({0.0F, 0.0F}), ElementsAre("PTQ-D015"));
  EXPECT_THAT(codes_of({3.0F, 3.0F}), ElementsAre("PTQ-D014"));
  EXPECT_THAT(codes_of({10.0F, 12.0F, 15.0F}), ElementsAre("PTQ-D019"));
  EXPECT_THAT(codes_of({-10.0F, -12.0F, -15.0F}), ElementsAre("PTQ-D019"));
  EXPECT_THAT(codes_of({7.0F, 12.0F, 15.0F}), IsEmpty());
  EXPECT_THAT(codes_of({}), ElementsAre("PTQ-D018"));
  EXPECT_THAT(codes_of({1.0F, 0.1F, std::numeric_limits<float>::quiet_NaN()}),
              ElementsAre("PTQ-D017"));
}

TEST(LayerFindings, LongTailsHardTensorsAndZeros) {
  std::vector<float> values = normal(20000);
  values[0] = 2000.0F;
  // All codes but two go to one value: 20,000 rounding errors of size 1 against 4 million, 23 dB.
  EXPECT_THAT(codes_of(values), ElementsAre("PTQ-D011", "PTQ-D012"));
  std::vector<float> sparse(1000, 0.0F);
  sparse[1] = 1.0F;
  EXPECT_THAT(codes_of(sparse), ElementsAre("PTQ-D016"));
}

TEST(LayerFindings, APercentileNeedsTenValuesAboveIt) {
  EXPECT_THAT(codes_of(normal(9999), {.percentile = 99.9}), ElementsAre("PTQ-D013"));
  EXPECT_THAT(codes_of(normal(10000), {.percentile = 99.9}), IsEmpty());
}

TEST(LayerFindings, WeightsAndOperators) {
  LayerDiagnosis layer{.node = "n", .op_type = "Conv", .product = true, .integer = true};
  layer.weight = WeightProfile{.name = "w",
                               .channels = 8,
                               .spread = 21.0,
                               .dead_channels = 2,
                               .channel_db_8 = 24.0,
                               .channel_db_4 = 20.0,
                               .largest_pair_sum = 250,
                               .saturating_share = 0.01};
  layer_findings(layer, nullptr, {.pair_limit = true});
  EXPECT_THAT(layer.codes, ElementsAre("PTQ-D021", "PTQ-D022", "PTQ-D024"));
  layer.codes.clear();
  layer_findings(layer, nullptr, {.bits = 4, .pair_limit = false});
  EXPECT_THAT(layer.codes, ElementsAre("PTQ-D021", "PTQ-D022", "PTQ-D023"));
  layer.codes.clear();
  layer.weight->finite = false;
  layer_findings(layer, nullptr, {});
  EXPECT_THAT(layer.codes, ElementsAre("PTQ-D025"));

  LayerDiagnosis scores{.node = "s", .op_type = "MatMul", .product = true};
  layer_findings(scores, nullptr, {});
  EXPECT_THAT(scores.codes, ElementsAre("PTQ-D031"));
  LayerDiagnosis recurrent{.node = "r", .op_type = "LSTM"};
  layer_findings(recurrent, nullptr, {});
  EXPECT_THAT(recurrent.codes, ElementsAre("PTQ-D032"));
}

}  // namespace
}  // namespace ptq
