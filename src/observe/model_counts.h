#pragma once
// What a program counts of one instrumented model: runs that are under way, each on its own, and
// the sum over runs that are complete. A run that fails or is cancelled leaves nothing. All
// functions may be called from any thread; those of one run may come from several.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "calib/slot_counter.h"
#include "calib/token_mask.h"
#include "ptq/activation_stats.h"
#include "ptq/tensor.h"
#include "runtime/observer_sink.h"

namespace ptq {

// What is counted, as BeginRun says. Slot i is values[i].
struct ObservedModel {
  std::string fingerprint{};
  std::string settings{};
  std::string runtime_version{};
  std::vector<std::string> values{};
  std::vector<Shape> shapes{};  // only with a mask
  bool tokens_vary = false;
  bool operator==(const ObservedModel&) const = default;
};

class ModelCounts {
 public:
  // Runs that may be counted at one time; further ones are seen but not counted.
  static constexpr size_t kMaxRuns = 256;
  // After so long a run that did not end makes room for another: it failed, or was cancelled.
  static constexpr std::chrono::seconds kPatience{60};

  explicit ModelCounts(ObservedModel model);
  ~ModelCounts();
  ModelCounts(const ModelCounts&) = delete;
  ModelCounts& operator=(const ModelCounts&) = delete;

  const ObservedModel& model() const { return model_; }

  // A run that is not counted.
  void see_run();
  // A run over `samples`, whose values are counted until end_run. The token names it, and is never
  // 0 unless the run cannot be counted. `patience` is kPatience, but for tests.
  int64_t begin_run(std::vector<Digest> samples, std::optional<TokenMask> mask,
                    std::chrono::nanoseconds patience = kPatience);
  // Nothing happens for the token of a run that is over. Throws Error{kInput} for a bad slot.
  void count(int64_t token, size_t slot, const ObservedTensor& tensor);
  void end_run(int64_t token);

  uint64_t runs() const;
  uint64_t counted() const;
  // Of complete runs; values that none computed have no counts.
  ActivationStats stats() const;
  // Forgets all runs, those under way too.
  void reset();

 private:
  struct Run;
  // The run that the token names, or nullptr; its generation says whether it is still that one.
  Run* find_run(int64_t token);
  struct Sum {
    uint64_t runs = 0;
    uint64_t counted = 0;
    uint64_t samples = 0;
    std::map<Digest, uint64_t> times;  // at most Production::kMaxHashes, the smallest
    std::vector<SlotCounts> slots;
    std::vector<std::optional<Extremes>> extremes;
  };

  Run* take_run(std::chrono::nanoseconds patience);
  void add(const Run& run);
  void add_samples(const std::vector<Digest>& samples);

  const ObservedModel model_;
  mutable std::mutex mutex_;  // locked after that of a Run, or before a try_lock of one
  Sum sum_;
  uint64_t period_ = 0;  // number of resets
  std::vector<std::unique_ptr<Run>> runs_;
};

}  // namespace ptq
