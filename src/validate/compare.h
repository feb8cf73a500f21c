#pragma once
// Runs two models over the same samples and adds up their differences, one sample in memory a
// thread. Sums are taken in sample order, so the figures do not depend on the number of threads.

#include <atomic>
#include <functional>

#include "data/sample_source.h"
#include "ptq/validation.h"
#include "runtime/session.h"

namespace ptq {

struct CompareOptions {
  int threads = 0;  // samples at once; 0: all processors
  std::function<void(size_t done, size_t total)> progress{};
  const std::atomic<bool>* stop = nullptr;  // set by a signal handler: ends with kInterrupted
};

// Both sessions have the same outputs (Error{kInput} otherwise). With labels in the samples the
// result has a LabelScore; a sample without one is then refused.
Validation compare_models(const Session& fp32, const Session& quantized, SampleSource& source,
                          const CompareOptions& options);

// Judges `validation` and appends one gate a limit that is set. Throws Error{kUsage} when a limit
// has nothing to be measured on (max_drop without labels).
void apply_gates(const ValidationLimits& limits, Validation& validation);

}  // namespace ptq
