#pragma once
// What one thread of a calibration counts, and the sink through which its session reports. An
// object belongs to one thread at a time; results of workers are added up at the end.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "calib/slot_counter.h"
#include "calib/token_mask.h"
#include "ptq/activation_stats.h"
#include "runtime/observer_sink.h"

namespace ptq {

// What is observed: slot i is the value names[i].
struct SlotTable {
  std::vector<std::string> names{};
  // What the model says of each shape: -1 for a dimension that may vary, empty for an unknown rank.
  // Only needed with a mask.
  std::vector<Shape> shapes{};
  bool tokens_vary = false;  // the mask's number of tokens is open in the model
};

class CountingWorker {
 public:
  // `table` must outlive the worker.
  // `sketch`: keep what each `commit` counted for take_sketch().
  explicit CountingWorker(const SlotTable& table, bool sketch = false);

  // Between `begin` and `commit`, what the session reports on this thread, and calls of `count`,
  // belong to `samples` samples of `stratum`. `mask` is the mask tensor of the run, or null;
  // `where` names it in messages. With `may_undo`, `undo` may take the place of `commit`.
  void begin(const std::string& stratum, uint64_t samples, bool may_undo);
  void set_mask(std::optional<TokenMask> mask) { mask_ = std::move(mask); }
  void count(size_t slot, const ObservedTensor& tensor);
  void commit();
  void undo();

  // Of what the last `commit` counted, by slot.
  std::vector<ValueSketch> take_sketch() { return std::move(sketch_); }

  // Samples by stratum and statistics of all values that were seen. Not between begin and commit.
  ActivationStats stats() const;
  // Slots that were counted without the mask.
  const std::vector<bool>& unmasked() const { return unmasked_; }

 private:
  struct StratumCounts {
    uint64_t samples = 0;
    std::vector<std::optional<Extremes>> extremes;  // by slot
  };
  struct Counts {
    std::vector<SlotCounts> slots;
    std::map<std::string, StratumCounts> strata;
  };

  const SlotTable& table_;
  SlotCounter counter_;
  Counts counts_;
  bool sketches_;
  std::vector<SlotCounts> run_;  // with sketches: of the run that is going on, by slot
  std::vector<ValueSketch> sketch_;
  std::optional<Counts> before_;  // what `undo` goes back to
  StratumCounts* stratum_ = nullptr;
  uint64_t samples_ = 0;
  std::optional<TokenMask> mask_;
  std::vector<bool> unmasked_;
};

// Passes what a session reports to the worker that is set on the thread of the run; without one,
// nothing is counted.
class WorkerSink : public ObserverSink {
 public:
  void observe(int64_t slot, const ObservedTensor& tensor) override;
  // For this thread; null for none.
  static void set_worker(CountingWorker* worker);
};

}  // namespace ptq
