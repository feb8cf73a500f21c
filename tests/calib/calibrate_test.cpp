#include "calib/calibrate.h"

#include <algorithm>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calib/fixed_source.h"
#include "data/sample_check.h"
#include "ptq/error.h"
#include "runtime/library.h"

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Calibration calibrated(const Model& model, const std::vector<std::string>& values,
                       std::vector<Sample> samples, int threads) {
  FixedSource source(std::move(samples));
  CalibrateOptions options;
  options.threads = threads;
  return calibrate(model, values, source, options);
}

TEST(Calibrate, EqualsTheStatisticsOfTheRawTensors) {
  const Model model = mixed_model();
  const std::vector<Sample> samples = made_samples(model, 9);
  const Calibration result = calibrated(model, kMixedValues, samples, 2);
  EXPECT_EQ(result.fallback_reason, "");
  EXPECT_THAT(result.not_observed, IsEmpty());
  EXPECT_EQ(result.stats.samples(), 9U);
  std::vector<Digest> hashes;
  for (const Sample& sample : samples) {
    hashes.push_back(sample_hash(sample));
  }
  EXPECT_EQ(result.stats.data_fingerprint(), multiset_fingerprint(hashes));
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

TEST(Calibrate, DoesNotDependOnThreads) {
  const Model model = mixed_model();
  const std::vector<Sample> samples = made_samples(model, 11, 0.1F, 0.037F);
  const Calibration one = calibrated(model, kMixedValues, samples, 1);
  for (const int threads : {2, 3, 16}) {
    const Calibration many = calibrated(model, kMixedValues, samples, threads);
    EXPECT_EQ(many.stats, one.stats) << threads << " threads";
    EXPECT_EQ(file_bytes(many.stats), file_bytes(one.stats)) << threads << " threads";
  }
}

TEST(Calibrate, ReportsProgressToTheEnd) {
  const Model model = conv_clip_model(8, 8);
  FixedSource source(made_samples(model, 5));
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
  std::vector<Sample> samples = made_samples(model, 2);
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
  std::vector<Sample> samples = made_samples(model, 6);
  samples[4].inputs["x"] = small_integers({1, 3, 9, 7}, 1);
  std::string message;
  EXPECT_EQ(code_of([&] { calibrated(model, {"r"}, samples, 3); }, message), ErrorCode::kRuntime);
  EXPECT_THAT(message, HasSubstr("sample 4: "));
}

TEST(Calibrate, StopsWhenAsked) {
  const Model model = conv_clip_model(8, 8);
  FixedSource source(made_samples(model, 50));
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
