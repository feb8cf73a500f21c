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

namespace ptq {

struct CalibrateOptions {
  int threads = 0;  // samples in flight; 0 = as many as processors
  std::function<void(size_t done, size_t total)> progress;  // after each sample, from any thread
  const std::atomic<bool>* stop = nullptr;  // set by a signal handler: ends with kInterrupted
};

struct Calibration {
  // model_fingerprint is left empty: the caller knows the model that the user gave.
  ActivationStats stats;
  // Requested values that are not float32, or graph inputs that no sample feeds.
  std::vector<std::string> not_observed;
  // Not empty: why calibration ran slower than it could (ObservedSession::fallback_reason).
  std::string fallback_reason;
};

// `values`: graph inputs and node outputs of the main graph; each is observed in the precision the
// runtime computes it. One sample is one run, each on one thread, so that the result depends
// neither on the number of threads nor on how the samples are stored. Memory is that of `threads`
// inferences and some kilobytes a value, for any number of samples. Throws Error{kInput} for
// samples or values that do not fit, Error{kRuntime} when the runtime fails.
Calibration calibrate(const Model& model, const std::vector<std::string>& values,
                      SampleSource& source, const CalibrateOptions& options);

}  // namespace ptq
