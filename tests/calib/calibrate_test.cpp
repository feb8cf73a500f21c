#include "calib/calibrate.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "runtime/library.h"
#include "runtime/runtime_models.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FixedSource : public SampleSource {
 public:
  explicit FixedSource(std::vector<Sample> samples) : samples_(std::move(samples)) {}
  std::optional<Sample> next() override {
    return given_ == samples_.size() ? std::nullopt : std::optional(samples_[given_++]);
  }
  size_t size() const override { return samples_.size(); }
  std::string fingerprint() const override { return "fingerprint of " + std::to_string(given_); }
  std::vector<std::string> warnings() const override { return {}; }

 private:
  std::vector<Sample> samples_;
  size_t given_ = 0;
};

std::vector<Sample> exact_samples(const Model& model, size_t count) {
  std::vector<Sample> samples;
  for (size_t i = 0; i < count; ++i) {
    samples.push_back({"sample " + std::to_string(i),
                       exact_feeds(model, static_cast<uint32_t>(i) + 1), std::nullopt});
  }
  return samples;
}

// Residual blocks, several layouts, an activation whose padding is not zero, a product at the end.
Model mixed_model() {
  return exact_model(R"((float[N,8,7,5] x, float[12,8,1,1] w1, float[12,1,3,3] w2,
                         float[8,12,1,1] w3, float[280,10] w4) => (float[N,10] y)
    <float low = {0}, float high = {6}> {
      a = Conv (x, w1)
      b = Clip (a, low, high)
      c = Conv <group = 12, pads = [1, 1, 1, 1]> (b, w2)
      d = HardSigmoid <alpha = 0.25, beta = 0.5> (c)
      e = Conv (d, w3)
      s = Add (x, e)
      f = Flatten (s)
      m = MatMul (f, w4)
      y = Relu (m)
    })");
}
const std::vector<std::string> kMixedValues = {"x", "b", "d", "e", "s", "m", "y"};

Calibration calibrated(const Model& model, const std::vector<std::string>& values,
                       std::vector<Sample> samples, int threads) {
  FixedSource source(std::move(samples));
  CalibrateOptions options;
  options.threads = threads;
  return calibrate(model, values, source, options);
}

TEST(Calibrate, EqualsTheStatisticsOfTheRawTensors) {
  const Model model = mixed_model();
  const std::vector<Sample> samples = exact_samples(model, 9);
  const Calibration result = calibrated(model, kMixedValues, samples, 2);
  EXPECT_EQ(result.fallback_reason, "");
  EXPECT_THAT(result.not_observed, IsEmpty());
  EXPECT_EQ(result.stats.samples, 9U);
  EXPECT_EQ(result.stats.data_fingerprint, "fingerprint of 9");
  EXPECT_EQ(result.stats.runtime_version, runtime_version());
  EXPECT_EQ(result.stats.tensors.size(), kMixedValues.size());

  std::map<std::string, TensorStats> expected;
  for (const Sample& sample : samples) {
    auto raw = raw_values(model, {"b", "d", "e", "s", "m", "y"}, sample.inputs);
    raw["x"] = sample.inputs.at("x");
    for (const std::string& value : kMixedValues) {
      expected[value].merge(stats_of(raw.at(value).data<float>()));
    }
  }
  for (const std::string& value : kMixedValues) {
    EXPECT_EQ(result.stats.tensors.at(value), expected.at(value)) << value;
  }
}

std::string file_bytes(const ActivationStats& stats) {
  const auto path = std::filesystem::path(testing::TempDir()) / "calibrate_test.ptqstats";
  write_stats(stats, path);
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  in.close();
  std::filesystem::remove(path);
  return bytes;
}

TEST(Calibrate, DoesNotDependOnThreads) {
  Model model = mixed_model();
  std::vector<Sample> samples = exact_samples(model, 11);
  for (Sample& sample : samples) {  // results that depend on the order of additions
    for (float& value : sample.inputs["x"].mutable_data<float>()) {
      value = value * 0.1F + 0.037F;
    }
  }
  const Calibration one = calibrated(model, kMixedValues, samples, 1);
  for (const int threads : {2, 3, 16}) {
    const Calibration many = calibrated(model, kMixedValues, samples, threads);
    EXPECT_EQ(many.stats, one.stats) << threads << " threads";
    EXPECT_EQ(file_bytes(many.stats), file_bytes(one.stats)) << threads << " threads";
  }
}

TEST(Calibrate, ReportsProgressToTheEnd) {
  const Model model = conv_clip_model(8, 8);
  FixedSource source(exact_samples(model, 5));
  std::vector<size_t> done;
  CalibrateOptions options;
  options.threads = 2;
  options.progress = [&](size_t count, size_t total) {
    EXPECT_EQ(total, 5U);
    done.push_back(count);  // called under a lock
  };
  calibrate(model, {"r"}, source, options);
  EXPECT_THAT(done, ElementsAre(1, 2, 3, 4, 5));
}

TEST(Calibrate, CountsNonFiniteValuesApart) {
  const Model model = exact_model(R"((float[N,4] x) => (float[N,4] y) { y = Sqrt (x) })");
  const std::vector<float> values = {-1.0F, 4.0F, std::numeric_limits<float>::infinity(), 9.0F};
  Sample sample{"s", {{"x", Tensor::from<float>({1, 4}, values)}}, std::nullopt};
  const Calibration result = calibrated(model, {"y"}, {sample, sample}, 1);
  const TensorStats& y = result.stats.tensors.at("y");
  EXPECT_EQ(y.nan, 2U);
  EXPECT_EQ(y.inf, 2U);
  EXPECT_EQ(y.count, 4U);
  EXPECT_EQ(y.min, 2.0F);
  EXPECT_EQ(y.max, 3.0F);
}

TEST(Calibrate, NamesWhatItCouldNotObserve) {
  const Model model = exact_model(R"((float[2,3] x, int64[1] k) => (float[2,3] y) {
      s = Shape (x)
      f = Cast <to = 1> (k)
      y = Add (x, f)
    })");
  std::vector<Sample> samples = exact_samples(model, 2);
  for (Sample& sample : samples) {
    const std::vector<int64_t> k = {3};
    sample.inputs["k"] = Tensor::from<int64_t>({1}, k);
  }
  const Calibration result = calibrated(model, {"s", "k", "y", "x", "y"}, samples, 1);
  EXPECT_THAT(result.not_observed, ElementsAre("s", "k"));
  EXPECT_EQ(result.stats.tensors.size(), 2U);
  EXPECT_EQ(result.stats.tensors.at("y").count, 12U);
}

ErrorCode code_of(const std::function<void()>& body, std::string& message) {
  try {
    body();
  } catch (const Error& error) {
    message = error.what();
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST(Calibrate, RefusesEmptyData) {
  std::string message;
  EXPECT_EQ(code_of([] { calibrated(conv_clip_model(8, 8), {"r"}, {}, 2); }, message),
            ErrorCode::kInput);
  EXPECT_THAT(message, HasSubstr("found none"));
}

TEST(Calibrate, NamesTheSampleThatFails) {
  const Model model = conv_clip_model(8, 8);
  std::vector<Sample> samples = exact_samples(model, 6);
  samples[4].inputs["x"] = small_integers({1, 3, 9, 7}, 1);
  std::string message;
  EXPECT_EQ(code_of([&] { calibrated(model, {"r"}, samples, 3); }, message), ErrorCode::kRuntime);
  EXPECT_THAT(message, HasSubstr("sample 4: "));
}

TEST(Calibrate, StopsWhenAsked) {
  const Model model = conv_clip_model(8, 8);
  FixedSource source(exact_samples(model, 50));
  std::atomic<bool> stop = false;
  CalibrateOptions options;
  options.threads = 2;
  options.stop = &stop;
  options.progress = [&](size_t done, size_t /*total*/) { stop = done >= 3; };
  std::string message;
  EXPECT_EQ(code_of([&] { calibrate(model, {"r"}, source, options); }, message),
            ErrorCode::kInterrupted);
}

}  // namespace
}  // namespace ptq
