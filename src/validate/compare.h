#pragma once
// Runs two models over the same samples and adds up their differences, one sample in memory a
// thread. Sums are taken in sample order, so the figures do not depend on the number of threads.
// What grows with the samples is a score and a hash of each, a few numbers.

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/sample_source.h"
#include "ptq/fingerprint.h"
#include "ptq/validation.h"
#include "runtime/session.h"
#include "validate/output_matching.h"
#include "validate/task.h"

namespace ptq {

struct CompareOptions {
  int threads = 0;  // samples at once; 0: all processors
  std::function<void(size_t done, size_t total)> progress{};
  const std::atomic<bool>* stop = nullptr;  // set by a signal handler: ends with kInterrupted
  const TaskRow* task = nullptr;            // null: outputs are compared, nothing is scored
  TaskOptions task_options{};
  bool decisions = true;  // look at the arg max of the first output
  size_t worst = 5;
  bool keep_worst = false;              // with their inputs
  std::vector<std::string> unhashed{};  // inputs that do not belong to a sample's hash: states
};

struct Comparison {
  uint64_t samples = 0;
  std::vector<OutputError> outputs{};  // those that both models have, in the order of FP32
  std::optional<Decisions> decisions{};
  std::vector<SampleScore> fp32_scores{};  // by sample
  std::vector<SampleScore> quantized_scores{};
  Flips flips{};
  std::string task_form{};
  std::vector<WorstSample> worst{};
  std::vector<std::map<std::string, Tensor>> worst_inputs{};  // with keep_worst, beside `worst`
  std::vector<Digest> hashes{};                               // by sample
  std::vector<std::string> names{};                           // by sample
  InterfaceReport interface {};
  std::vector<std::string> warnings{};
};

// Outputs are matched by name. Throws Error{kInput} when the inputs of the models differ or no
// output has the same name in both.
Comparison compare_models(const Session& fp32, const Session& quantized, SampleSource& source,
                          const CompareOptions& options);

}  // namespace ptq
