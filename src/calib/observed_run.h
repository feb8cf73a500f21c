#pragma once
// Runs a model over samples on several threads and hands chosen values to a callback while they are
// computed. The loop below the collection of moments.

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "data/sample_source.h"
#include "ptq/graph.h"
#include "runtime/observer_sink.h"

namespace ptq {

struct RunOptions {
  int threads = 0;  // samples in flight; 0 = as many as processors
  std::function<void(size_t done, size_t total)> progress;  // after each sample, under a lock
  const std::atomic<bool>* stop = nullptr;  // set by a signal handler: ends with kInterrupted
};

struct RunSummary {
  size_t samples = 0;
  std::string data_fingerprint;  // multiset_fingerprint of the samples
  std::vector<bool> observed;    // for each value: whether any run reported it
  std::string fallback_reason;   // ObservedSession::fallback_reason
};

// Called on the thread `worker` (below `threads`) that runs the sample, for the value at position
// `value`; from several threads at a time, each with a `worker` of its own.
using ValueVisitor = std::function<void(size_t worker, size_t value, const ObservedTensor& tensor)>;

// `values`: graph inputs, which are taken from the sample, and whatever observe_values accepts;
// each at most once. One sample is one run on one thread. What `visit` throws ends the run and
// arrives here, with the name of the sample. Throws Error{kInput} for samples or values that do not
// fit and for no samples at all, Error{kRuntime} when the runtime fails.
RunSummary run_observed(const Model& model, const std::vector<std::string>& values,
                        SampleSource& source, const RunOptions& options, const ValueVisitor& visit);

}  // namespace ptq
