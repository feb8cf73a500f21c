// Scores and metrics of the tasks on results small enough to count by hand, or against
// scikit-learn 1.9.1 where it is named.

#include "validate/task.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using ::testing::HasSubstr;

Tensor floats(Shape shape, const std::vector<float>& values) {
  return Tensor::from<float>(std::move(shape), std::span<const float>(values));
}
Tensor ids(Shape shape, const std::vector<int64_t>& values) {
  return Tensor::from<int64_t>(std::move(shape), std::span<const int64_t>(values));
}

struct Scores {
  std::vector<SampleScore> fp32;
  std::vector<SampleScore> quantized;
  Flips flips;
};

struct Case {
  Tensor fp32;
  Tensor quantized;
  Sample sample;
};

Scores score(const TaskRow& task, const std::vector<Case>& cases, const TaskOptions& options = {}) {
  const auto judge = task.make(options);
  Scores scores;
  for (const Case& each : cases) {
    const PairScore pair = judge->score({{"y", &each.fp32}}, {{"y", &each.quantized}}, each.sample);
    scores.fp32.push_back(pair.fp32);
    scores.quantized.push_back(pair.quantized);
    scores.flips.broken += pair.flips.broken;
    scores.flips.repaired += pair.flips.repaired;
    scores.flips.wrong_to_wrong += pair.flips.wrong_to_wrong;
    scores.flips.decided += pair.flips.decided;
  }
  return scores;
}

MetricResult metric(const TaskRow& task, std::string_view name, const Scores& scores) {
  return measure_metric(task.metrics[find_metric(task, name)], scores.fp32, scores.quantized, 0.95,
                        200, 0);
}

// Logits whose arg max is `best`.
Tensor one_hot(size_t classes, int64_t best) {
  std::vector<float> row(classes, 0.0F);
  row[static_cast<size_t>(best)] = 1.0F;
  return floats({1, static_cast<int64_t>(classes)}, row);
}

Sample labelled(int64_t label) {
  Sample sample;
  sample.origin = "s";
  sample.label = label;
  return sample;
}

Sample with_target(Tensor target) {
  Sample sample;
  sample.origin = "s";
  sample.target = std::move(target);
  return sample;
}

TEST(Classification, CountsFlipsByTheirDirection) {
  std::vector<Case> cases;
  for (int i = 0; i < 7; ++i) {
    cases.push_back({one_hot(3, 1), one_hot(3, 1), labelled(1)});
  }
  cases.push_back({one_hot(3, 1), one_hot(3, 2), labelled(1)});  // broken
  cases.push_back({one_hot(3, 0), one_hot(3, 1), labelled(1)});  // repaired
  cases.push_back({one_hot(3, 0), one_hot(3, 2), labelled(1)});  // wrong either way
  const Scores scores = score(kClassificationTask, cases);
  EXPECT_EQ(scores.flips.broken, 1U);
  EXPECT_EQ(scores.flips.repaired, 1U);
  EXPECT_EQ(scores.flips.wrong_to_wrong, 1U);
  const MetricResult top1 = metric(kClassificationTask, "top1", scores);
  EXPECT_EQ(top1.fp32, 80.0);
  EXPECT_EQ(top1.quantized, 80.0);
  EXPECT_EQ(top1.drop, 0.0);
  EXPECT_NEAR(top1.standard_error, 100.0 * std::sqrt(2.0) / 10.0, 1e-12);
  EXPECT_EQ(top1.method, IntervalMethod::kTango);
  EXPECT_EQ(top1.broken, 1U);
}

TEST(Classification, MacroF1EqualsScikitLearn) {
  // f1_score(y, p, average='macro') of y = 13 i mod 4, p = (13 i + [i mod 7 = 0]) mod 4, i < 40.
  std::vector<Case> cases;
  for (int64_t i = 0; i < 40; ++i) {
    const Tensor predicted = one_hot(4, (i * 13 + (i % 7 == 0 ? 1 : 0)) % 4);
    cases.push_back({predicted, predicted, labelled(i * 13 % 4)});
  }
  const Scores scores = score(kClassificationTask, cases);
  EXPECT_NEAR(metric(kClassificationTask, "f1", scores).fp32, 84.98120300751879, 1e-9);
  EXPECT_NEAR(metric(kClassificationTask, "top1", scores).fp32, 85.0, 1e-12);
}

TEST(Classification, LabelsOutsideOfTheClassesAreWrong) {
  const Scores scores = score(kClassificationTask, {{one_hot(3, 0), one_hot(3, 0), labelled(-1)},
                                                    {one_hot(3, 0), one_hot(3, 0), labelled(99)}});
  EXPECT_EQ(metric(kClassificationTask, "top1", scores).fp32, 0.0);
  EXPECT_EQ(metric(kClassificationTask, "top5", scores).fp32, 0.0);
}

TEST(Classification, SaysWhatItNeeds) {
  try {
    score(kClassificationTask, {{floats({1, 2, 2}, {1, 2, 3, 4}), {}, labelled(0)}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInput);
    EXPECT_THAT(error.what(), HasSubstr("an output of shape [1, classes], found y float32[1,2,2]"));
  }
}

TEST(Regression, ErrorsAreMeansOverAllValues) {
  const Scores scores =
      score(kRegressionTask,
            {{floats({1, 2}, {1, 2}), floats({1, 2}, {1, 4}), with_target(floats({2}, {1, 1}))},
             {floats({1, 2}, {0, 0}), floats({1, 2}, {3, 0}), with_target(floats({2}, {0, 0}))}});
  EXPECT_EQ(metric(kRegressionTask, "mse", scores).fp32, 0.25);
  EXPECT_EQ(metric(kRegressionTask, "mse", scores).quantized, 4.5);
  EXPECT_EQ(metric(kRegressionTask, "mse", scores).drop, 4.25);  // more is worse
  EXPECT_NEAR(metric(kRegressionTask, "rmse", scores).quantized, std::sqrt(4.5), 1e-12);
  EXPECT_EQ(metric(kRegressionTask, "mae", scores).quantized, 1.5);
}

TEST(Regression, TooFewSamplesHaveNoBounds) {
  const Scores scores =
      score(kRegressionTask, {{floats({1}, {1}), floats({1}, {2}), with_target(floats({1}, {1}))}});
  EXPECT_TRUE(std::isinf(metric(kRegressionTask, "mse", scores).interval.upper));
}

TEST(LanguageModel, EachTokenIsPredictedFromThoseBefore) {
  // Logits [1,3,2]: position 0 predicts ids[1] = 1, position 1 predicts ids[2] = 0.
  const std::vector<float> logits = {0.0F, 2.0F, 1.0F, 0.0F, 9.0F, -9.0F};
  Sample sample;
  sample.origin = "s";
  sample.inputs.emplace("tokens", ids({1, 3}, {0, 1, 0}));
  const Scores scores = score(
      kLanguageTask, {{floats({1, 3, 2}, logits), floats({1, 3, 2}, {2, 0, 1, 0, 0, 0}), sample}});
  const double first = std::log(std::exp(0.0) + std::exp(2.0)) - 2.0;
  const double second = std::log(std::exp(1.0) + std::exp(0.0)) - 1.0;
  EXPECT_NEAR(metric(kLanguageTask, "perplexity", scores).fp32, std::exp((first + second) / 2.0),
              1e-6);
  EXPECT_EQ(metric(kLanguageTask, "token_accuracy", scores).fp32, 100.0);
  EXPECT_EQ(metric(kLanguageTask, "token_accuracy", scores).quantized, 50.0);
  EXPECT_EQ(scores.flips.broken, 1U);
  EXPECT_EQ(scores.flips.decided, 2U);
}

TEST(LanguageModel, PaddingAndIgnoredLabelsDoNotCount) {
  const Tensor logits = floats({1, 4, 2}, {0, 1, 0, 1, 0, 1, 0, 1});
  Sample padded;
  padded.origin = "s";
  padded.inputs.emplace("input_ids", ids({1, 4}, {0, 1, 1, 0}));
  padded.inputs.emplace("attention_mask", ids({1, 4}, {1, 1, 1, 0}));
  EXPECT_EQ(score(kLanguageTask, {{logits, logits, padded}}).flips.decided, 2U);
  Sample targets = padded;
  targets.inputs.erase("attention_mask");
  targets.target = ids({4}, {-100, 1, -100, 1});
  EXPECT_EQ(score(kLanguageTask, {{logits, logits, targets}}).flips.decided, 2U);
}

TEST(Segmentation, MeanOverTheClassesThatOccur) {
  // 2 x 2 pixels, 3 classes; predicted 0 1 / 1 1, labelled 0 1 / 0 ignored.
  const Tensor scores_of = floats({1, 3, 2, 2}, {1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0});
  const Sample sample = with_target(ids({2, 2}, {0, 1, 0, 255}));
  const Scores scores = score(kSegmentationTask, {{scores_of, scores_of, sample}});
  // Class 0: 1 of 2, class 1: 1 of 2.
  EXPECT_NEAR(metric(kSegmentationTask, "miou", scores).fp32, 50.0, 1e-12);
  EXPECT_NEAR(metric(kSegmentationTask, "pixel_accuracy", scores).fp32, 100.0 * 2.0 / 3.0, 1e-12);
  const Tensor map = ids({1, 2, 2}, {0, 1, 1, 1});
  EXPECT_NEAR(
      metric(kSegmentationTask, "miou", score(kSegmentationTask, {{map, map, sample}})).fp32, 50.0,
      1e-12);
}

TEST(Segmentation, RefusesLabelsOfAnotherSize) {
  const Tensor map = ids({1, 2, 2}, {0, 1, 1, 1});
  EXPECT_THROW(score(kSegmentationTask, {{map, map, with_target(ids({2, 3}, {0, 1, 0, 1, 0, 1}))}}),
               Error);
  EXPECT_THROW(score(kSegmentationTask, {{map, map, with_target(ids({2, 2}, {0, -3, 0, 1}))}}),
               Error);
}

TEST(Tasks, AreFoundByNameOrRefusedWithWhatThereIs) {
  for (const TaskRow& task : tasks()) {
    EXPECT_EQ(&find_task(task.name), &task);
    EXPECT_FALSE(task.metrics.empty());
    for (const MetricRow& row : task.metrics) {
      EXPECT_TRUE((row.value != nullptr) != (row.bind != nullptr)) << row.name;
    }
  }
  EXPECT_THROW(find_task("ranking"), Error);
  EXPECT_THROW(find_metric(find_task("lm"), "top1"), Error);
}

// The weights of a bootstrap mean "so many copies": each metric must agree with real copies.
TEST(Metrics, WeightsAreCopies) {
  std::vector<Case> cases;
  for (int64_t i = 0; i < 9; ++i) {
    cases.push_back({one_hot(4, i % 4), one_hot(4, i * i % 4), labelled(i % 3)});
  }
  const Scores scores = score(kClassificationTask, cases);
  const std::vector<uint32_t> weights = {0, 2, 1, 1, 0, 3, 1, 0, 1};
  std::vector<SampleScore> copies;
  for (size_t i = 0; i < weights.size(); ++i) {
    copies.insert(copies.end(), weights[i], scores.quantized[i]);
  }
  for (const MetricRow& row : kClassificationTask.metrics) {
    EXPECT_NEAR(row.value(scores.quantized, weights), row.value(copies, {}), 1e-12) << row.name;
  }
}

}  // namespace
}  // namespace ptq
