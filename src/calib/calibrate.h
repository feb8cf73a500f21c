#pragma once
// Runs a model over samples once and leaves the statistics of its values. Called by the pipeline
// (verbs calibrate, diagnose, quantize). One thread calls; the work is spread over `threads`.

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "data/sample_source.h"
#include "ptq/activation_stats.h"
#include "ptq/graph.h"
#include "ptq/measure_options.h"
#include "ptq/sample_sketch.h"

namespace ptq {

struct CalibrateOptions {
  int threads = 0;  // runs in flight; 0 = as many as processors
  std::function<void(size_t done, size_t total)> progress{};  // after each sample, any thread
  const std::atomic<bool>* stop = nullptr;  // set by a signal handler: ends with kInterrupted
  MeasureOptions measure{};
  // Also a sketch of each sample; only one sample a run, and not with a resumed run.
  bool sketch = false;
  std::string model_fingerprint{};  // goes into statistics and checkpoints
};

struct Calibration {
  ActivationStats stats;
  SampleSketches sketches;  // when asked for
  // Requested values that are not float32, or graph inputs that no sample feeds.
  std::vector<std::string> not_observed;
  // With a mask: observed values that have no axis of tokens, whose values all count.
  std::vector<std::string> not_masked;
  // Not empty: why calibration ran slower than it could (ObservedSession::fallback_reason).
  std::string fallback_reason;
  size_t resumed = 0;  // samples that the checkpoint already held
};

// ActivationStats::settings of a run with these options.
std::string settings_text(const MeasureOptions& measure);

// `values`: graph inputs and node outputs; each is observed in the precision the runtime computes
// it. One run takes one sample (or `batch`) on one thread, so that the result depends neither on
// the number of threads nor on how the samples are stored; shards merge to the same bytes. Memory
// is that of `threads` inferences and some kilobytes a value, for any number of samples. A stop
// takes effect within a second: a run that lasts longer is cancelled and not counted.
//
// Throws Error{kUsage} for options that contradict each other, Error{kInput} for samples, values or
// a checkpoint that do not fit, Error{kRuntime} when the runtime fails, Error{kEnvironment} beyond
// the memory limit, Error{kInterrupted}.
Calibration calibrate(const Model& model, const std::vector<std::string>& values,
                      SampleSource& source, const CalibrateOptions& options);

}  // namespace ptq
