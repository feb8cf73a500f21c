#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "validate/detections.h"
#include "validate/task.h"

namespace ptq {
namespace {

using ::testing::HasSubstr;

Tensor floats(Shape shape, const std::vector<float>& values) {
  return Tensor::from<float>(std::move(shape), std::span<const float>(values));
}

TEST(OverlapOf, IsIntersectionOverUnion) {
  const Box a = {.x1 = 0, .y1 = 0, .x2 = 2, .y2 = 2};
  EXPECT_EQ(overlap_of(a, a), 1.0);
  EXPECT_NEAR(overlap_of(a, {.x1 = 1, .y1 = 0, .x2 = 3, .y2 = 2}), 2.0 / 6.0, 1e-12);
  EXPECT_EQ(overlap_of(a, {.x1 = 2, .y1 = 0, .x2 = 3, .y2 = 2}), 0.0);
  EXPECT_EQ(overlap_of(a, {.x1 = 5, .y1 = 5, .x2 = 4, .y2 = 4}), 0.0);
}

// A YOLOX head of a 32 x 32 image and two classes: 16 + 4 + 1 cells, 7 numbers each.
struct Head {
  std::vector<float> values = std::vector<float>(21 * 7, 0.0F);
  Sample sample;

  Head() {
    sample.origin = "s";
    sample.inputs.emplace("images", Tensor(DType::kFloat, {1, 3, 32, 32}));
  }
  void set(size_t cell, const std::vector<float>& row) {
    std::copy(row.begin(), row.end(), values.begin() + static_cast<std::ptrdiff_t>(cell * 7));
  }
  std::vector<Detection> read() const {
    const Tensor output = floats({1, 21, 7}, values);
    return read_detections({{"output", &output}}, sample, {}, 100);
  }
};

TEST(Yolox, DecodesCentresSizesAndTheBestClass) {
  Head head;
  head.set(6, {0.5F, 0.25F, std::log(2.0F), 0.0F, 0.9F, 0.1F, 0.5F});  // x 2, y 1, stride 8
  head.set(20, {0.5F, 0.5F, 0.0F, 0.0F, 0.5F, 0.8F, 0.2F});            // the only cell of stride 32
  const std::vector<Detection> found = head.read();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].label, 1);
  EXPECT_NEAR(found[0].score, 0.45, 1e-6);
  EXPECT_NEAR(found[0].box.x1, 2.5 * 8.0 - 8.0, 1e-5);
  EXPECT_NEAR(found[0].box.x2, 2.5 * 8.0 + 8.0, 1e-5);
  EXPECT_NEAR(found[0].box.y1, 1.25 * 8.0 - 4.0, 1e-5);
  EXPECT_NEAR(found[1].score, 0.4, 1e-6);
  EXPECT_NEAR(found[1].box.x1, 0.0, 1e-5);
  EXPECT_NEAR(found[1].box.y2, 32.0, 1e-5);
}

TEST(Yolox, DropsTheWeakerBoxOfOneClassOnly) {
  Head head;
  head.set(5, {0.5F, 0.5F, 0.0F, 0.0F, 1.0F, 0.9F, 0.0F});
  head.set(6,
           {-0.5F, 0.5F, 0.0F, 0.0F, 1.0F, 0.8F, 0.0F});  // the same box, seen from the next cell
  head.set(9, {0.5F, -0.5F, 0.0F, 0.0F, 1.0F, 0.0F, 0.7F});  // and of another class
  const std::vector<Detection> found = head.read();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NEAR(found[0].score, 0.9, 1e-6);
  EXPECT_EQ(found[1].label, 1);
}

TEST(DetectionForm, RefusesWhatItDoesNotKnow) {
  const Tensor odd = floats({1, 20, 7}, std::vector<float>(140, 0.0F));
  try {
    detection_form({{"y", &odd}}, Head().sample, "");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInput);
    EXPECT_THAT(error.what(), HasSubstr("a YOLOX head [1, 21, 5 + classes]; found y [1,20,7]"));
  }
}

class Numbers {
 public:
  double next() {
    state_ = state_ * 1664525U + 1013904223U;
    return static_cast<double>(state_ >> 8U) / 16777216.0;
  }
  double shift() { return (next() - 0.5) * 8.0; }
  int below(int count) { return static_cast<int>(next() * count); }

 private:
  uint32_t state_ = 12345;
};

struct Image {
  std::vector<float> truth;  // class and corners
  std::vector<float> boxes;
  std::vector<float> scores;
  std::vector<int64_t> labels;

  void add(int label, double score, double x1, double y1, double x2, double y2) {
    labels.push_back(label);
    scores.push_back(static_cast<float>(score));
    for (const double value : {x1, y1, x2, y2}) {
      boxes.push_back(static_cast<float>(value));
    }
  }
};

// 12 images with 32 labelled boxes of 3 classes and 42 detections near and far from them.
std::vector<Image> made_up_images() {
  Numbers numbers;
  std::vector<Image> images(12);
  for (Image& image : images) {
    const int count = 1 + numbers.below(4);
    for (int k = 0; k < count; ++k) {
      const int label = numbers.below(3);
      const double x = numbers.next() * 80.0;
      const double y = numbers.next() * 80.0;
      const double w = 10.0 + numbers.next() * 30.0;
      const double h = 10.0 + numbers.next() * 30.0;
      for (const double value : {static_cast<double>(label), x, y, x + w, y + h}) {
        image.truth.push_back(static_cast<float>(value));
      }
      const int near = numbers.below(3);
      for (int r = 0; r < near; ++r) {
        const double left = x + numbers.shift();
        const double top = y + numbers.shift();
        const int found = numbers.next() < 0.85 ? label : numbers.below(3);
        const double score = numbers.next();
        const double right = left + w + numbers.shift();
        image.add(found, score, left, top, right, top + h + numbers.shift());
      }
    }
    const int far = numbers.below(3);
    for (int r = 0; r < far; ++r) {
      const double x = numbers.next() * 80.0;
      const double y = numbers.next() * 80.0;
      const int label = numbers.below(3);
      image.add(label, numbers.next() * 0.7, x, y, x + 20.0, y + 20.0);
    }
  }
  return images;
}

std::vector<SampleScore> score_images(const std::vector<Image>& images) {
  const auto judge = kDetectionTask.make({});
  std::vector<SampleScore> scores;
  for (const Image& image : images) {
    const auto count = static_cast<int64_t>(image.scores.size());
    const Tensor boxes = floats({count, 4}, image.boxes);
    const Tensor confidence = floats({count}, image.scores);
    const Tensor labels = Tensor::from<int64_t>({count}, std::span<const int64_t>(image.labels));
    Sample sample;
    sample.origin = "s";
    sample.target = floats({static_cast<int64_t>(image.truth.size() / 5), 5}, image.truth);
    const RunOutputs outputs = {{"labels", &labels}, {"boxes", &boxes}, {"scores", &confidence}};
    scores.push_back(judge->score(outputs, outputs, sample).fp32);
  }
  return scores;
}

TEST(AveragePrecision, EqualsAnIndependentProgram) {
  // Computed with NumPy by a program that follows the evaluation of COCO step by step: greedy
  // matching a class and threshold, envelope of the precision, searchsorted at 101 recalls.
  const std::vector<SampleScore> scores = score_images(made_up_images());
  const MetricResult map = measure_metric(kDetectionTask.metrics[0], scores, scores, 0.95, 10, 0);
  const MetricResult map50 = measure_metric(kDetectionTask.metrics[1], scores, scores, 0.95, 10, 0);
  EXPECT_NEAR(map.fp32, 12.358434679925653, 1e-9);
  EXPECT_NEAR(map50.fp32, 32.97266378221533, 1e-9);
  EXPECT_EQ(map.drop, 0.0);
}

TEST(AveragePrecision, AnImageOfWeightZeroIsNotThere) {
  const std::vector<SampleScore> scores = score_images(made_up_images());
  const std::vector<uint32_t> weights = {0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1};
  std::vector<SampleScore> kept;
  for (size_t i = 0; i < weights.size(); ++i) {
    kept.insert(kept.end(), weights[i], scores[i]);
  }
  for (const MetricRow& row : kDetectionTask.metrics) {
    EXPECT_NEAR(row.bind(scores)(weights), row.bind(kept)({}), 1e-9) << row.name;
  }
}

TEST(AveragePrecision, TwiceEveryImageIsTheSame) {
  const std::vector<SampleScore> scores = score_images(made_up_images());
  const std::vector<uint32_t> twice(scores.size(), 2);
  for (const MetricRow& row : kDetectionTask.metrics) {
    EXPECT_NEAR(row.bind(scores)(twice), row.bind(scores)({}), 1e-9) << row.name;
  }
}

TEST(AveragePrecision, PerfectDetectionsReach100) {
  std::vector<Image> images = made_up_images();
  for (Image& image : images) {
    image.boxes.clear();
    image.scores.clear();
    image.labels.clear();
    for (size_t k = 0; k < image.truth.size(); k += 5) {
      image.add(static_cast<int>(image.truth[k]), 0.5, static_cast<double>(image.truth[k + 1]),
                static_cast<double>(image.truth[k + 2]), static_cast<double>(image.truth[k + 3]),
                static_cast<double>(image.truth[k + 4]));
    }
  }
  const std::vector<SampleScore> scores = score_images(images);
  EXPECT_NEAR(kDetectionTask.metrics[0].bind(scores)({}), 100.0, 1e-9);
}

}  // namespace
}  // namespace ptq
