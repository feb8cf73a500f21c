// Stateful models and padded tokens, with the real runtime.

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "calib/calibrate.h"
#include "calib/fixed_source.h"
#include "calib/state_source.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// y = x + h; the next h is y.
Model running_sum() {
  return exact_model("(float[1,3] x, float[N,3] h) => (float[1,3] y) { y = Add (x, h) }");
}

std::vector<Sample> steps(const std::vector<std::pair<int64_t, float>>& sequence_and_value) {
  std::vector<Sample> samples;
  for (const auto& [sequence, value] : sequence_and_value) {
    const std::vector<float> x = {value, value, value};
    samples.push_back(Sample{.origin = "step " + std::to_string(samples.size()),
                             .inputs = {{"x", Tensor::from<float>({1, 3}, x)}},
                             .sequence = sequence});
  }
  return samples;
}

CalibrateOptions with_states(std::vector<StateLink> states) {
  CalibrateOptions options;
  options.measure.states = std::move(states);
  return options;
}

TEST(States, FeedAnOutputBackAndBeginAnewAtEachFile) {
  FixedSource source(steps({{0, 1.0F}, {0, 2.0F}, {0, 4.0F}, {1, 8.0F}, {1, -20.0F}}));
  const ActivationStats stats =
      calibrate(running_sum(), {"y", "h"}, source, with_states({{"y", "h"}})).stats;
  TensorStats expected;
  for (const float y : {1.0F, 3.0F, 7.0F, 8.0F, -12.0F}) {
    expected.merge(stats_of(std::vector<float>{y, y, y}));
  }
  EXPECT_EQ(stats.tensors.at("y"), expected);
  EXPECT_EQ(stats.tensors.at("h").max, 8.0F) << "the state that the last run got";
  EXPECT_EQ(stats.settings, "state y=h");
}

TEST(States, BeginWithWhatTheDataHold) {
  std::vector<Sample> samples = steps({{0, 1.0F}, {0, 2.0F}});
  for (Sample& sample : samples) {
    sample.inputs["h"] = Tensor::from<float>({1, 3}, std::vector<float>{100.0F, 100.0F, 100.0F});
  }
  FixedSource source(samples);
  const ActivationStats stats =
      calibrate(running_sum(), {"y"}, source, with_states({{"y", "h"}})).stats;
  EXPECT_EQ(stats.tensors.at("y").min, 101.0F);
  EXPECT_EQ(stats.tensors.at("y").max, 103.0F);
}

TEST(States, AreReplayedWhenARunIsResumed) {
  const std::vector<Sample> samples =
      steps({{0, 1.0F}, {0, 2.0F}, {0, 4.0F}, {1, 8.0F}, {1, -20.0F}, {1, 3.0F}, {2, 0.5F}});
  FixedSource undisturbed(samples);
  CalibrateOptions options = with_states({{"y", "h"}});
  const ActivationStats expected = calibrate(running_sum(), {"y", "h"}, undisturbed, options).stats;
  options.measure.checkpoint =
      std::filesystem::path(testing::TempDir()) / (std::to_string(getpid()) + "_states.checkpoint");
  for (size_t last = 1; last < samples.size(); ++last) {
    std::filesystem::remove(options.measure.checkpoint);
    std::atomic<bool> stop = false;
    options.stop = &stop;
    options.measure.resume = false;
    options.progress = [&](size_t done, size_t) { stop = done >= last; };
    FixedSource first(samples);
    EXPECT_THROW(calibrate(running_sum(), {"y", "h"}, first, options), Error);
    stop = false;
    options.progress = nullptr;
    options.measure.resume = true;
    FixedSource second(samples);
    const Calibration resumed = calibrate(running_sum(), {"y", "h"}, second, options);
    EXPECT_EQ(resumed.stats, expected) << "stopped after " << last;
    EXPECT_EQ(resumed.resumed, last);
  }
  std::filesystem::remove(options.measure.checkpoint);
}

TEST(States, CompleteSamplesForThoseWhoLookAtSingleOnes) {
  StateSource source(
      std::make_unique<FixedSource>(steps({{0, 1.0F}, {0, 2.0F}, {0, 4.0F}, {1, 8.0F}})),
      running_sum(), {{"y", "h"}});
  EXPECT_EQ(source.size(), 4U);
  std::vector<float> states;
  source.skip();
  while (const std::optional<Sample> sample = source.next()) {
    states.push_back(sample->inputs.at("h").data<float>()[0]);
  }
  EXPECT_THAT(states, ElementsAre(1.0F, 3.0F, 0.0F));
}

std::string usage_error(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage) << error.what();
    return error.what();
  }
  return "";
}

TEST(States, RefuseNamesAndOptionsThatDoNotFit) {
  const auto refusal = [&](const CalibrateOptions& options) {
    return usage_error([&] {
      FixedSource source(steps({{0, 1.0F}}));
      calibrate(running_sum(), {"y"}, source, options);
    });
  };
  EXPECT_THAT(refusal(with_states({{"q", "h"}})),
              AllOf(HasSubstr("no output 'q'"), HasSubstr("it has y")));
  EXPECT_THAT(refusal(with_states({{"y", "q"}})), HasSubstr("no input 'q'; it has x, h"));
  EXPECT_THAT(refusal(with_states({{"y", "h"}, {"y", "h"}})), HasSubstr("given twice"));
  CalibrateOptions options = with_states({{"y", "h"}});
  options.measure.batch = 2;
  EXPECT_THAT(refusal(options), HasSubstr("--batch"));
}

TEST(Masks, LeavePaddingOut) {
  const Model model = exact_model(R"((float[N,L,4] x, int64[N,L] mask, float[4,4] w1)
      => (float[N,L,4] y, float[N,4] p) {
      h = MatMul (x, w1)
      y = Relu (h)
      m = ReduceMean <axes = [1], keepdims = 0> (y)
      p = Neg (m)
      c = Cast <to = 1> (mask)
    })");
  std::vector<Sample> samples;
  TensorStats expected_x;
  for (uint32_t i = 0; i < 4; ++i) {
    Tensor x = small_integers({1, 6, 4}, i + 1);
    std::vector<int64_t> mask(6, 0);
    std::fill_n(mask.begin(), 2 + i, 1);
    const std::span<float> values = x.mutable_data<float>();
    std::fill(values.begin() + (2 + i) * 4, values.end(), 1000.0F);  // must not be seen
    expected_x.merge(stats_of(values.first((2 + i) * 4)));
    samples.push_back(
        Sample{.origin = "s", .inputs = {{"x", x}, {"mask", Tensor::from<int64_t>({1, 6}, mask)}}});
  }
  for (const uint64_t batch : {1U, 3U}) {
    FixedSource source(samples);
    CalibrateOptions options;
    options.measure.mask_input = "mask";
    options.measure.batch = batch;
    const Calibration result = calibrate(model, {"x", "y", "p"}, source, options);
    EXPECT_EQ(result.stats.tensors.at("x"), expected_x);
    EXPECT_LT(result.stats.tensors.at("y").max, 100.0F);
    EXPECT_EQ(result.stats.tensors.at("y").count, (2U + 3U + 4U + 5U) * 4U);
    EXPECT_EQ(result.stats.tensors.at("p").count, 16U);
    EXPECT_THAT(result.not_masked, ElementsAre("p"));
    EXPECT_EQ(result.stats.settings, "mask mask");
  }
}

TEST(Masks, RefuseAnUnknownInput) {
  CalibrateOptions options;
  options.measure.mask_input = "attention_mask";
  EXPECT_THAT(usage_error([&] {
                FixedSource source(made_samples(mixed_model(), 1));
                calibrate(mixed_model(), {"b"}, source, options);
              }),
              HasSubstr("no input 'attention_mask'"));
}

}  // namespace
}  // namespace ptq
