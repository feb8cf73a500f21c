// Sketches of single samples beside the statistics of the run.

#include <cmath>

#include "calib/calibrate.h"
#include "calib/fixed_source.h"
#include "calib/slot_counter.h"
#include "ptq/error.h"

namespace ptq {
namespace {

ValueSketch sketch_of(const std::vector<float>& values) {
  SlotCounter counter;
  SlotCounts counts;
  counter.add(values, counts);
  counter.flush(counts);
  return counts.sketch();
}

TEST(ValueSketch, CountsOctavesBelowTheLargestMagnitude) {
  const ValueSketch sketch =
      sketch_of({-4.0F, 7.9F, 2.0F, -2.5F, 3.9F, 1.0F, 0.0F, 1e-6F, INFINITY});
  EXPECT_EQ(sketch.count, 8U);
  EXPECT_EQ(sketch.extremes, (Extremes{-4.0F, 7.9F}));
  EXPECT_EQ(sketch.top_octave, 127U + 2U);
  EXPECT_EQ(sketch.octaves[0], 2U);  // 4 … 8
  EXPECT_EQ(sketch.octaves[1], 3U);  // 2 … 4
  EXPECT_EQ(sketch.octaves[2], 1U);  // 1 … 2
  EXPECT_EQ(sketch.octaves[3], 0U);  // zero and 1e-6 are too small
}

TEST(ValueSketch, OfNothingAndOfZeros) {
  EXPECT_EQ(sketch_of({}), ValueSketch{});
  const ValueSketch zeros = sketch_of({0.0F, -0.0F, 1e-44F});
  EXPECT_EQ(zeros.count, 3U);
  EXPECT_EQ(zeros.octaves, ValueSketch{}.octaves);
}

TEST(SlotCounts, MergedPartsAreTheWhole) {
  const std::vector<float> a = {1.0F, -2.0F, 0.0F, NAN};
  const std::vector<float> b = {100.0F, 1e-3F, -1e5F, INFINITY};
  SlotCounter counter;
  SlotCounts whole;
  SlotCounts first;
  SlotCounts second;
  counter.add(a, whole);
  counter.add(b, whole);
  counter.flush(whole);
  counter.add(a, first);
  counter.flush(first);
  counter.add(b, second);
  counter.flush(second);
  first.merge(second);
  EXPECT_EQ(first.stats(), whole.stats());
  second.clear();
  EXPECT_EQ(second.stats(), TensorStats{});
  first.merge(second);
  EXPECT_EQ(first.stats(), whole.stats());
  counter.add(b, second);
  counter.flush(second);
  EXPECT_EQ(second.sketch(), sketch_of(b));
}

Calibration calibrated(const Model& model, const std::vector<Sample>& samples, bool sketch,
                       int threads) {
  FixedSource source(samples);
  return calibrate(model, kMixedValues, source, {.threads = threads, .sketch = sketch});
}

TEST(SampleSketches, LeaveTheStatisticsAsTheyAreForAnyThreads) {
  const Model model = mixed_model();
  const std::vector<Sample> samples = made_samples(model, 9, 0.37F, 0.1F);
  const Calibration plain = calibrated(model, samples, false, 2);
  EXPECT_TRUE(plain.sketches.samples.empty());
  const Calibration one = calibrated(model, samples, true, 1);
  EXPECT_EQ(file_bytes(one.stats), file_bytes(plain.stats));
  for (const int threads : {2, 3}) {
    const Calibration other = calibrated(model, samples, true, threads);
    EXPECT_EQ(other.stats, one.stats);
    EXPECT_EQ(other.sketches.names, one.sketches.names);
    EXPECT_EQ(other.sketches.samples, one.sketches.samples);
  }
}

// Each sketch is that of a run over its sample alone.
TEST(SampleSketches, HoldWhatASampleDoesAlone) {
  const Model model = mixed_model();
  const std::vector<Sample> samples = made_samples(model, 5, 0.37F, 0.1F);
  const SampleSketches all = calibrated(model, samples, true, 2).sketches;
  ASSERT_EQ(all.samples.size(), 5U);
  for (size_t i = 0; i < samples.size(); ++i) {
    const Calibration alone = calibrated(model, {samples[i]}, false, 1);
    EXPECT_EQ(all.samples[i].position, i);
    EXPECT_EQ(all.samples[i].origin, samples[i].origin);
    EXPECT_EQ(all.samples[i].hash, alone.stats.sample_hashes.at(0));
    for (size_t v = 0; v < all.names.size(); ++v) {
      const TensorStats& stats = alone.stats.tensors.at(all.names[v]);
      const ValueSketch& sketch = all.samples[i].values[v];
      EXPECT_EQ(sketch.count, stats.count);
      EXPECT_EQ(sketch.extremes, (Extremes{stats.min, stats.max})) << all.names[v];
    }
  }
}

TEST(SampleSketches, NeedOneSampleARun) {
  const Model model = mixed_model();
  FixedSource source(made_samples(model, 2));
  CalibrateOptions options{.sketch = true};
  options.measure.batch = 2;
  EXPECT_THROW(calibrate(model, kMixedValues, source, options), Error);
}

}  // namespace
}  // namespace ptq
