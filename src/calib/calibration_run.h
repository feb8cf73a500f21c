#pragma once
// The part of a calibration that runs: workers that take samples from the queue, run the observed
// session and count; checkpoints, resuming and stopping. Made for one run; one thread calls.

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "calib/calibrate.h"
#include "calib/counting_worker.h"
#include "calib/sample_queue.h"
#include "calib/state_feed.h"
#include "runtime/session.h"

namespace ptq {

// Where each requested value is looked at: node outputs inside the session, graph inputs in the
// sample.
struct ObservedSlots {
  SlotTable table{};
  std::vector<std::string> node_outputs{};  // slot i
  std::map<std::string, size_t> inputs{};   // name → slot, behind those of node outputs
};

class CalibrationRun {
 public:
  // `identity` holds the fields of the statistics that are known before the run. All references
  // must outlive the object. Reads the checkpoint when the options ask for it.
  CalibrationRun(const Model& model, const ObservedSlots& slots, SampleSource& source,
                 const CalibrateOptions& options, ActivationStats identity);
  ~CalibrationRun();
  CalibrationRun(const CalibrationRun&) = delete;
  CalibrationRun& operator=(const CalibrationRun&) = delete;

  // Runs all samples. `session` reports slot i of node_outputs to a WorkerSink. Throws as
  // calibrate() does.
  void work(const Session& session);

  ActivationStats stats() const;
  // Of all samples, ascending by position; empty unless the options ask for them.
  std::vector<SampleSketch> take_sketches();
  size_t resumed() const { return resumed_; }
  bool counted_unmasked(size_t slot) const;

 private:
  struct Worker;
  class StopWatcher;

  void work_on(const Session& session, Worker& worker);
  bool run_item(const Session& session, Worker& worker, const WorkItem& item);
  void set_mask(const std::map<std::string, Tensor>& inputs, Worker& worker) const;
  void count_inputs(const std::map<std::string, Tensor>& inputs, Worker& worker) const;
  std::optional<Checkpoint> load_checkpoint(const SampleSource& source) const;
  std::string identity_text(size_t total) const;
  void save() const;
  std::string end_early() const;

  const ObservedSlots& slots_;
  const CalibrateOptions& options_;
  ActivationStats base_;  // what the run began with: identity, and the counts of a checkpoint
  size_t resumed_ = 0;
  std::optional<StateFeed> states_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<SampleQueue> queue_;
};

}  // namespace ptq
