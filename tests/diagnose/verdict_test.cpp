// Verdicts on hand-made layers whose noise is known.
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "ptq/layer_diagnosis.h"

namespace ptq {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

LayerDiagnosis product(std::string name, double activation, double weight, uint64_t macs = 100) {
  LayerDiagnosis layer{
      .node = std::move(name), .op_type = "MatMul", .product = true, .integer = true};
  layer.macs = macs;
  layer.activation_noise = activation;
  layer.weight_noise_8 = weight;
  layer.channel_noise_4 = 256.0 * weight;
  layer.group_noise_4 = 64.0 * weight;
  return layer;
}

std::vector<LayerDiagnosis> even_layers(size_t count, double activation, double weight) {
  std::vector<LayerDiagnosis> layers;
  for (size_t i = 0; i < count; ++i) {
    layers.push_back(product("p" + std::to_string(i), activation, weight));
  }
  return layers;
}

const ModelTraits kTransformer = {
    .architecture = "transformer", .size = "medium", .parameters = 10'000'000, .macs = 1000};

TEST(Verdict, NoiseAddsUpAndTheBudgetDecides) {
  const std::vector<LayerDiagnosis> layers = even_layers(10, 0.0009, 0.0001);
  const Verdict verdict = judge_model(layers, kTransformer, {});
  EXPECT_EQ(verdict.answer, Answer::kInt8PerChannel);
  EXPECT_NEAR(verdict.noise, 0.01, 1e-12);
  EXPECT_NEAR(verdict.sqnr_db, 20.0, 1e-9);
  EXPECT_NEAR(verdict.loss, predicted_loss(0.01), 1e-12);
  EXPECT_TRUE(verdict.findings.empty());
  EXPECT_NE(judge_model(layers, kTransformer, {.budget = 0.1}).answer, Answer::kInt8PerChannel);
}

TEST(Verdict, FewNoisyProductsStayInFloat) {
  std::vector<LayerDiagnosis> layers = even_layers(10, 0.0009, 0.0001);
  layers[3] = product("culprit", 0.5, 0.01);
  const Verdict verdict = judge_model(layers, kTransformer, {});
  EXPECT_EQ(verdict.answer, Answer::kMixedPrecision);
  EXPECT_THAT(verdict.float_layers, ElementsAre("culprit"));
  EXPECT_NEAR(verdict.noise, 0.009, 1e-12);
  ASSERT_EQ(verdict.findings.size(), 1U);
  EXPECT_EQ(verdict.findings[0].code, "PTQ-D002");
  EXPECT_THAT(verdict.findings[0].message, HasSubstr("culprit"));
}

TEST(Verdict, ManyNoisyActivationsCallForDynamicRanges) {
  const Verdict verdict = judge_model(even_layers(10, 0.05, 0.0001), kTransformer, {});
  EXPECT_EQ(verdict.answer, Answer::kDynamicOrWeightOnly);
  EXPECT_NEAR(verdict.noise, 0.001, 1e-12);
  EXPECT_EQ(verdict.findings.at(0).code, "PTQ-D003");
}

TEST(Verdict, NoisyWeightsToo) {
  const Verdict verdict = judge_model(even_layers(10, 0.05, 0.05), kTransformer, {});
  EXPECT_EQ(verdict.answer, Answer::kTrainWithQuantization);
  EXPECT_EQ(verdict.findings.at(0).code, "PTQ-D001");
  EXPECT_EQ(verdict.findings.at(0).severity, "error");
  EXPECT_THAT(verdict.steps.back(), HasSubstr("measure"));  // predictions for transformers are poor
  ModelTraits convolutional = kTransformer;
  convolutional.architecture = "convolutional";
  EXPECT_THAT(judge_model(even_layers(10, 0.05, 0.05), convolutional, {}).steps.back(),
              ::testing::Not(HasSubstr("measure")));
}

TEST(Verdict, RecurrentWeightsAreForDynamicQuantization) {
  ModelTraits traits = kTransformer;
  traits.recurrent_parameters = 6'000'000;
  EXPECT_EQ(judge_model(even_layers(2, 0.0, 0.0), traits, {}).answer, Answer::kDynamicOrWeightOnly);
}

TEST(Verdict, FourBitsAskForChannelsGroupsOrMore) {
  const auto answer = [](double weight) {
    return judge_model(even_layers(10, 9.0, weight), kTransformer, {.bits = 4}).answer;
  };
  EXPECT_EQ(answer(1e-5), Answer::kInt4PerChannel);  // 0.0256 by channel: 0.5 points
  EXPECT_EQ(answer(5e-5), Answer::kInt4GroupWise);   // 0.128 by channel, 0.032 by group
  EXPECT_EQ(answer(5e-4), Answer::kTrainWithQuantization);
  std::vector<LayerDiagnosis> layers = even_layers(10, 9.0, 5e-5);
  layers[0] = product("culprit", 9.0, 0.002);
  const Verdict mixed = judge_model(layers, kTransformer, {.bits = 4});
  EXPECT_EQ(mixed.answer, Answer::kMixedPrecision);
  EXPECT_THAT(mixed.float_layers, ElementsAre("culprit"));
  EXPECT_NEAR(mixed.noise, 0.002 + 9 * 64 * 5e-5, 1e-12);
}

TEST(Verdict, RefusesWhatItCannotJudge) {
  EXPECT_THROW(judge_model({}, kTransformer, {.bits = 6}), Error);
  EXPECT_THROW(judge_model({}, kTransformer, {.budget = -1.0}), Error);
  EXPECT_THROW(judge_model({}, kTransformer, {.budget = std::numeric_limits<double>::quiet_NaN()}),
               Error);
}

TEST(Verdict, ArchitectureFollowsFromOperators) {
  const ModelTraits traits = {.parameters = 100};
  EXPECT_EQ(architecture_of({.convolutions = 20}, traits), "convolutional");
  EXPECT_EQ(
      architecture_of({.convolutions = 1, .products_of_activations = 6, .softmaxes = 3}, traits),
      "transformer");
  EXPECT_EQ(architecture_of({.attentions = 1}, traits), "transformer");
  EXPECT_EQ(architecture_of({}, traits), "feed-forward");
  EXPECT_EQ(architecture_of({.convolutions = 2, .recurrent = 1},
                            {.parameters = 100, .recurrent_parameters = 51}),
            "recurrent");
  EXPECT_EQ(size_class(4'999'999), "small");
  EXPECT_EQ(size_class(5'000'000), "medium");
  EXPECT_EQ(size_class(25'000'000), "redundant");
}

}  // namespace
}  // namespace ptq
