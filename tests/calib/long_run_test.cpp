// Calibrations that are stopped, resumed, split and merged: whatever happens, the result is that of
// one undisturbed run.

#include <algorithm>
#include <atomic>
#include <functional>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "calib/calibrate.h"
#include "calib/fixed_source.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class LongRun : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("long_run_" + std::to_string(getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    options_.measure.checkpoint = folder_ / "s.checkpoint";
    options_.model_fingerprint = "model";
  }
  void TearDown() override { fs::remove_all(folder_); }

  ActivationStats run(const std::vector<Sample>& samples, const CalibrateOptions& options) const {
    FixedSource source(samples);
    return calibrate(model_, kMixedValues, source, options).stats;
  }
  ActivationStats whole(const std::vector<Sample>& samples) const { return run(samples, plain()); }
  CalibrateOptions plain() const {
    CalibrateOptions options;
    options.model_fingerprint = "model";
    return options;
  }
  // Stops as soon as `count` samples are done in this call.
  std::string stop_after(size_t count, const std::vector<Sample>& samples,
                         CalibrateOptions options) const {
    std::atomic<bool> stop = false;
    std::atomic<size_t> done = 0;
    options.stop = &stop;
    options.progress = [&](size_t, size_t) { stop = ++done >= count; };
    return message_of([&] { run(samples, options); }, ErrorCode::kInterrupted);
  }
  static std::string message_of(const std::function<void()>& body, ErrorCode code) {
    try {
      body();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
  }

  Model model_ = mixed_model();
  fs::path folder_;
  CalibrateOptions options_;
};

TEST_F(LongRun, ResumedEqualsUndisturbed) {
  const std::vector<Sample> samples = made_samples(model_, 23, 0.1F, 0.037F);
  const std::string expected = file_bytes(whole(samples));
  std::mt19937 random(5);
  for (int round = 0; round < 12; ++round) {
    CalibrateOptions options = options_;
    options.threads = 1 + static_cast<int>(random() % 3);
    options.measure.batch = 1 + random() % 3;
    options.measure.checkpoint_every = random() % 6;
    options.measure.resume = true;
    fs::remove(options.measure.checkpoint);
    EXPECT_THAT(stop_after(1 + random() % 8, samples, options), HasSubstr("--resume"));
    EXPECT_THAT(stop_after(1 + random() % 4, samples, options), HasSubstr("interrupted after"));
    EXPECT_EQ(file_bytes(run(samples, options)), expected);
  }
}

TEST_F(LongRun, ACheckpointHoldsWholeSamplesWheneverItIsWritten) {
  const std::vector<Sample> samples = made_samples(model_, 20, 0.1F, 0.037F);
  const std::string expected = file_bytes(whole(samples));
  CalibrateOptions options = options_;
  options.threads = 3;
  options.measure.checkpoint_every = 4;
  // Copies of what a machine that goes down would leave.
  std::vector<std::string> left;
  options.progress = [&](size_t, size_t) {
    if (fs::exists(options.measure.checkpoint)) {
      left.push_back(file_bytes(options.measure.checkpoint));
    }
  };
  run(samples, options);
  left.erase(std::unique(left.begin(), left.end()), left.end());
  ASSERT_GE(left.size(), 3U);
  options.progress = nullptr;
  options.measure.resume = true;
  for (const std::string& bytes : left) {
    std::ofstream(options.measure.checkpoint, std::ios::binary) << bytes;
    EXPECT_EQ(file_bytes(run(samples, options)), expected);
  }
}

TEST_F(LongRun, AnyPartitionMergesToTheWhole) {
  std::vector<Sample> samples = made_samples(model_, 13, 0.1F, 0.037F);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].stratum = i % 4 == 0 ? "" : i % 4 == 1 ? "cats" : "dogs";
  }
  const std::string expected = file_bytes(whole(samples));
  std::mt19937 random(7);
  for (const uint64_t shards : {2U, 3U, 5U, 13U, 20U}) {
    std::vector<NamedStats> parts;
    for (uint64_t shard = 0; shard < shards; ++shard) {
      CalibrateOptions options = plain();
      options.measure.shard = shard;
      options.measure.shards = shards;
      options.threads = 1 + static_cast<int>(random() % 3);
      options.measure.batch = 1 + random() % 2;
      if (shard < samples.size()) {
        parts.push_back({std::to_string(shard), run(samples, options)});
      } else {
        EXPECT_THAT(message_of([&] { run(samples, options); }, ErrorCode::kInput),
                    HasSubstr("found none"));
      }
    }
    std::ranges::shuffle(parts, random);
    if (shards > samples.size()) {
      continue;  // those shards have nothing to give
    }
    if (parts.size() > 2) {  // in two steps
      const auto middle = parts.begin() + 2;
      ActivationStats first = merge_stats({parts.begin(), middle});
      EXPECT_EQ(first.shards.count, shards);
      parts.erase(parts.begin(), middle);
      parts.push_back({"first two", std::move(first)});
    }
    EXPECT_EQ(file_bytes(merge_stats(parts)), expected) << shards << " shards";
  }
}

TEST_F(LongRun, OrderAndBatchDoNotMatter) {
  std::vector<Sample> samples = made_samples(model_, 17, 0.1F, 0.037F);
  const std::string expected = file_bytes(whole(samples));
  std::mt19937 random(9);
  for (const uint64_t batch : {1U, 2U, 5U, 100U}) {
    std::ranges::shuffle(samples, random);
    CalibrateOptions options = plain();
    options.measure.batch = batch;
    options.threads = 2;
    EXPECT_EQ(file_bytes(run(samples, options)), expected) << "batch " << batch;
  }
}

TEST_F(LongRun, RefusesABatchThatTheModelDoesNotTake) {
  const Model fixed = conv_clip_model(8, 8);
  FixedSource source(made_samples(fixed, 4));
  CalibrateOptions options = plain();
  options.measure.batch = 2;
  EXPECT_THAT(message_of([&] { calibrate(fixed, {"r"}, source, options); }, ErrorCode::kUsage),
              AllOf(HasSubstr("--batch 2"), HasSubstr("'x' [1,8,9,7]")));
}

TEST_F(LongRun, TellsStrataApart) {
  std::vector<Sample> samples = made_samples(model_, 6);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].stratum = i < 2 ? "cats" : "dogs";
  }
  CalibrateOptions options = plain();
  options.measure.batch = 4;  // a batch does not cross strata
  const ActivationStats stats = run(samples, options);
  ASSERT_EQ(stats.strata.size(), 2U);
  for (const auto& [name, stratum] : stats.strata) {
    const std::vector<Sample> own(samples.begin() + (name == "cats" ? 0 : 2),
                                  name == "cats" ? samples.begin() + 2 : samples.end());
    const ActivationStats alone = whole(own);
    EXPECT_EQ(stratum.samples, own.size());
    for (const std::string& value : kMixedValues) {
      const Extremes expected{alone.tensors.at(value).min, alone.tensors.at(value).max};
      EXPECT_EQ(stratum.extremes.at(value), expected) << name << " " << value;
    }
  }
}

TEST_F(LongRun, RefusesToResumeAnotherRun) {
  std::vector<Sample> samples = made_samples(model_, 12);
  stop_after(6, samples, options_);
  options_.measure.resume = true;
  const auto refusal = [&](const std::vector<Sample>& data, const CalibrateOptions& options) {
    return message_of([&] { run(data, options); }, ErrorCode::kInput);
  };
  CalibrateOptions other = options_;
  other.model_fingerprint = "another";
  EXPECT_THAT(refusal(samples, other), HasSubstr("another model"));
  other = options_;
  other.measure.batch = 2;
  EXPECT_THAT(refusal(samples, other), HasSubstr("other options"));
  EXPECT_THAT(refusal({samples.begin(), samples.begin() + 8}, options_),
              HasSubstr("another number of samples"));
  std::vector<Sample> changed = samples;
  changed[1].inputs["x"].mutable_data<float>()[3] += 1.0F;
  EXPECT_THAT(refusal(changed, options_),
              AllOf(HasSubstr("sample 1"), HasSubstr("when the checkpoint was written")));
  EXPECT_EQ(file_bytes(run(samples, options_)), file_bytes(whole(samples)));
}

TEST_F(LongRun, RefusesADamagedCheckpoint) {
  const std::vector<Sample> samples = made_samples(model_, 6);
  stop_after(3, samples, options_);
  options_.measure.resume = true;
  const std::string good = file_bytes(options_.measure.checkpoint);
  EXPECT_THAT(message_of([&] { read_stats(options_.measure.checkpoint); }, ErrorCode::kInput),
              HasSubstr("unfinished calibration"));
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    std::string bad = good;
    if (round % 2 == 0) {
      bad[random() % bad.size()] ^= static_cast<char>(1 + random() % 255);
    } else {
      bad.resize(random() % bad.size());
    }
    std::ofstream(options_.measure.checkpoint, std::ios::binary) << bad;
    message_of([&] { run(samples, options_); }, ErrorCode::kInput);
  }
}

TEST_F(LongRun, StaysBelowTheMemoryLimitOrStops) {
  const std::vector<Sample> samples = made_samples(model_, 6);
  CalibrateOptions options = options_;
  options.measure.max_memory = 1 << 20;
  EXPECT_THAT(message_of([&] { run(samples, options); }, ErrorCode::kEnvironment),
              HasSubstr("--max-memory of 1 MiB"));
  options.measure.max_memory = uint64_t{1} << 40;
  EXPECT_EQ(run(samples, options), whole(samples));
}

// A run that would take years ends soon after a stop, and is not counted.
TEST_F(LongRun, AStopCancelsARunThatGoesOn) {
  const Model endless = exact_model(R"((float[1] x) => (float[1] z)
    <int64 trips = {1000000000000000}, bool go = {1}> {
      early = Neg (x)
      y = Loop (trips, go, x) <body = steps (int64 i, bool c, float[1] a) => (bool d, float[1] b) {
        d = Identity (c)
        b = Neg (a)
      }>
      z = Add (y, early)
    })");
  FixedSource source({Sample{.origin = "s", .inputs = {{"x", Tensor(DType::kFloat, {1})}}}});
  std::atomic<bool> stop = false;
  CalibrateOptions options = options_;
  options.threads = 1;
  options.stop = &stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop = true;
  });
  EXPECT_THAT(message_of(
                  [&] {
                    calibrate(endless, {"early", "z"}, source, options);
                  },
                  ErrorCode::kInterrupted),
              HasSubstr("interrupted after 0 samples"));
  EXPECT_FALSE(fs::exists(options.measure.checkpoint)) << "there is nothing to go on from";
}

TEST_F(LongRun, MergeRefusesWhatDoesNotBelongTogether) {
  const std::vector<Sample> samples = made_samples(model_, 4);
  const auto refusal = [&](ActivationStats a, ActivationStats b) {
    return message_of(
        [&] {
          merge_stats({{"a", std::move(a)}, {"b", std::move(b)}});
        },
        ErrorCode::kInput);
  };
  const ActivationStats whole_run = whole(samples);
  ActivationStats other = whole_run;
  other.model_fingerprint = "x";
  EXPECT_THAT(refusal(whole_run, other), AllOf(HasSubstr("a and b"), HasSubstr("one model")));
  other = whole_run;
  other.settings = "mask m";
  EXPECT_THAT(refusal(whole_run, other), HasSubstr("one settings"));
  other = whole_run;
  other.tensors.erase("b");
  EXPECT_THAT(refusal(whole_run, other), HasSubstr("different values, such as b"));
  CalibrateOptions options = plain();
  options.measure.shards = 2;
  const ActivationStats part = run(samples, options);
  EXPECT_THAT(refusal(part, part), HasSubstr("both hold shard 0/2"));
  // Shards of runs over different data.
  options.measure.shard = 1;
  EXPECT_THAT(refusal(part, run({samples.begin(), samples.begin() + 3}, options)),
              HasSubstr("4 samples, the second over 3"));
  ActivationStats short_part = run(samples, options);
  short_part.sample_hashes.pop_back();
  EXPECT_THAT(refusal(part, short_part), HasSubstr("hold 3 samples, but their run is over 4"));
  EXPECT_THAT(refusal(part, whole_run), HasSubstr("a whole run"));
}

}  // namespace
}  // namespace ptq
