#include "measure/feeds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

InputSpec spec(const char* name, DType dtype, Shape shape) {
  return {.name = name, .dtype = dtype, .shape = std::move(shape)};
}

template <typename Body>
Error error_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "nothing was thrown"};
}

// Samples in memory.
class Samples : public SampleSource {
 public:
  explicit Samples(std::vector<Tensor> values) : values_(std::move(values)) {}
  std::optional<Sample> next() override {
    if (position_ == values_.size()) {
      return std::nullopt;
    }
    Sample sample;
    sample.origin = "sample " + std::to_string(position_);
    sample.inputs["x"] = values_[position_++];
    return sample;
  }
  size_t size() const override { return values_.size(); }
  std::vector<std::string> warnings() const override { return {}; }

 private:
  std::vector<Tensor> values_;
  size_t position_ = 0;
};

Tensor row(const std::vector<float>& values) {
  return Tensor::from<float>({1, static_cast<int64_t>(values.size())}, values);
}

TEST(GeneratedFeeds, HaveTheDeclaredTypesAndShapes) {
  const Feeds feeds =
      generated_feeds({spec("x", DType::kFloat, {-1, 3, 4}), spec("ids", DType::kInt64, {-1, 2}),
                       spec("flag", DType::kBool, {1})},
                      {}, 1);
  EXPECT_THAT(feeds.at("x").shape(), ElementsAre(1, 3, 4));
  for (const float value : feeds.at("x").data<float>()) {
    EXPECT_TRUE(value >= 0.0F && value < 1.0F);
  }
  EXPECT_THAT(feeds.at("ids").data<int64_t>(), Each(1));
  EXPECT_EQ(feeds.at("flag").bytes()[0], std::byte{1});
}

TEST(GeneratedFeeds, AreTheSameForTheSameArguments) {
  const std::vector<InputSpec> inputs = {spec("x", DType::kFloat, {8})};
  const Feeds first = generated_feeds(inputs, {}, 1);
  const Feeds second = generated_feeds(inputs, {}, 1);
  EXPECT_TRUE(std::ranges::equal(first.at("x").bytes(), second.at("x").bytes()));
  EXPECT_NE(first.at("x").data<float>()[0], first.at("x").data<float>()[1]);
}

TEST(GeneratedFeeds, TakeBatchAndShapes) {
  const std::vector<InputSpec> inputs = {spec("x", DType::kFloat, {-1, 3, -1})};
  EXPECT_THAT(generated_feeds(inputs, {{"x", {2, 3, 7}}}, 1).at("x").shape(), ElementsAre(2, 3, 7));
  EXPECT_THAT(generated_feeds({spec("x", DType::kFloat, {-1, 3})}, {}, 5).at("x").shape(),
              ElementsAre(5, 3));
}

TEST(GeneratedFeeds, NameTheDimensionThatNothingCloses) {
  const Error open = error_of([] {
    generated_feeds({spec("x", DType::kFloat, {-1, 3, -1})}, {}, 1);
  });
  EXPECT_EQ(open.code(), ErrorCode::kUsage);
  EXPECT_THAT(open.what(), HasSubstr("dimension 2 of input x[?,3,?] is open"));
  EXPECT_THAT(open.what(), HasSubstr("--shape x=1x3xN"));
}

TEST(GeneratedFeeds, RefuseShapesThatDoNotFit) {
  const std::vector<InputSpec> inputs = {spec("x", DType::kFloat, {-1, 3})};
  const Error wrong = error_of([&] { generated_feeds(inputs, {{"x", {1, 4}}}, 1); });
  EXPECT_EQ(wrong.code(), ErrorCode::kUsage);
  EXPECT_THAT(wrong.what(), HasSubstr("the model wants [?,3], found [1,4]"));
  const Error name = error_of([&] { generated_feeds(inputs, {{"z", {1, 3}}}, 1); });
  EXPECT_EQ(name.code(), ErrorCode::kUsage);
  EXPECT_THAT(name.what(), HasSubstr("no input of this name"));
  const Error fixed = error_of([] { generated_feeds({spec("x", DType::kFloat, {1, 3})}, {}, 4); });
  EXPECT_EQ(fixed.code(), ErrorCode::kUsage);
  EXPECT_THAT(fixed.what(), HasSubstr("--batch 4"));
  const Error type = error_of([] { generated_feeds({spec("x", DType::kString, {1})}, {}, 1); });
  EXPECT_EQ(type.code(), ErrorCode::kUsage);
}

TEST(BatchedFeeds, JoinSamplesAlongTheOpenAxisAndLeaveOutTheRest) {
  Samples samples({row({1, 2}), row({3, 4}), row({5, 6})});
  const std::vector<Feeds> feeds = batched_feeds({spec("x", DType::kFloat, {-1, 2})}, samples, 2);
  ASSERT_EQ(feeds.size(), 1U);
  EXPECT_THAT(feeds[0].at("x").shape(), ElementsAre(2, 2));
  EXPECT_THAT(feeds[0].at("x").data<float>(), ElementsAre(1, 2, 3, 4));
}

TEST(BatchedFeeds, RefuseWhatCannotBeJoined) {
  Samples fixed({row({1, 2})});
  EXPECT_EQ(error_of([&] {
              batched_feeds({spec("x", DType::kFloat, {1, 2})}, fixed, 2);
            }).code(),
            ErrorCode::kUsage);
  Samples unequal({row({1, 2}), row({1, 2, 3})});
  const Error error = error_of([&] {
    batched_feeds({spec("x", DType::kFloat, {-1, -1})}, unequal, 2);
  });
  EXPECT_EQ(error.code(), ErrorCode::kInput);
  EXPECT_THAT(error.what(), HasSubstr("found [1,2] in sample 0 and [1,3] in sample 1"));
  Samples few({row({1, 2})});
  EXPECT_THAT(error_of([&] {
                batched_feeds({spec("x", DType::kFloat, {-1, 2})}, few, 3);
              }).what(),
              HasSubstr("--batch 3 needs as many samples, found 1"));
}

}  // namespace
}  // namespace ptq
