#include "calib/calibrate.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "calib/slot_counter.h"
#include "core/log.h"
#include "core/parallel.h"
#include "graph/index.h"
#include "ptq/error.h"
#include "runtime/library.h"
#include "runtime/observed_session.h"

namespace ptq {
namespace {

// The counts of one thread. Allocated apart, so that threads do not share cache lines.
struct Worker {
  explicit Worker(size_t count) : slots(count) {}
  std::vector<SlotCounts> slots;
  SlotCounter counter;
};

// Set around each run: the observers are called on the thread that runs.
thread_local Worker* current_worker = nullptr;

class StatsSink : public ObserverSink {
 public:
  void observe(int64_t slot, const ObservedTensor& tensor) override {
    Worker* const worker = current_worker;
    PTQ_CHECK(worker != nullptr && slot >= 0 && static_cast<size_t>(slot) < worker->slots.size());
    SlotCounts& counts = worker->slots[static_cast<size_t>(slot)];
    for_each_piece(tensor,
                   [&](std::span<const float> values) { worker->counter.add(values, counts); });
    worker->counter.flush(counts);
  }
};

// Hands out samples to workers, one at a time and in order.
class SampleQueue {
 public:
  SampleQueue(SampleSource& source, const CalibrateOptions& options)
      : source_(source), options_(options) {}

  std::optional<Sample> next() {
    const std::lock_guard lock(mutex_);
    if (failed_) {
      return std::nullopt;
    }
    if (options_.stop != nullptr && options_.stop->load()) {
      throw Error(ErrorCode::kInterrupted, fmt::format("interrupted after {} samples", done_));
    }
    return source_.next();
  }

  void finished_one() {
    const std::lock_guard lock(mutex_);
    ++done_;
    if (options_.progress) {
      options_.progress(done_, source_.size());
    }
  }

  void fail() {
    const std::lock_guard lock(mutex_);
    failed_ = true;
  }

  size_t done() const { return done_; }

 private:
  SampleSource& source_;
  const CalibrateOptions& options_;
  std::mutex mutex_;
  size_t done_ = 0;
  bool failed_ = false;
};

// Where each requested value is looked at: node outputs inside the session, graph inputs in the
// sample.
struct Slots {
  std::vector<std::string> node_outputs;  // slot i
  std::map<std::string, size_t> inputs;   // name → slot, behind those of node outputs
  size_t size() const { return node_outputs.size() + inputs.size(); }
};

Slots assign_slots(const Model& model, const std::vector<std::string>& values) {
  const GraphIndex index(model.graph);
  Slots slots;
  const std::set<std::string> unique(values.begin(), values.end());
  for (const std::string& value : unique) {
    if (!index.is_graph_input(value)) {
      slots.node_outputs.push_back(value);
    }
  }
  for (const std::string& value : unique) {
    if (index.is_graph_input(value)) {
      slots.inputs.emplace(value, slots.size());
    }
  }
  return slots;
}

void observe_inputs(const Sample& sample, const Slots& slots, Worker& worker) {
  for (const auto& [name, slot] : slots.inputs) {
    const auto input = sample.inputs.find(name);
    if (input != sample.inputs.end() && input->second.dtype() == DType::kFloat) {
      worker.counter.add(input->second.data<float>(), worker.slots[slot]);
      worker.counter.flush(worker.slots[slot]);
    }
  }
}

void run_worker(const Session& session, const Slots& slots, SampleQueue& queue, Worker& worker) {
  current_worker = &worker;
  try {
    while (std::optional<Sample> sample = queue.next()) {
      try {
        observe_inputs(*sample, slots, worker);
        session.run(sample->inputs);
      } catch (Error& error) {
        error.add_context(printable(sample->origin));
        throw;
      }
      queue.finished_one();
    }
  } catch (...) {
    queue.fail();
    current_worker = nullptr;
    throw;
  }
  current_worker = nullptr;
}

TensorStats merged_stats(const std::vector<std::unique_ptr<Worker>>& workers, size_t slot) {
  TensorStats stats;
  for (const std::unique_ptr<Worker>& worker : workers) {
    stats.merge(worker->slots[slot].stats());
  }
  return stats;
}

// A value that no run reported: an input of another type or without a feed, or a node whose value
// the runtime never computed.
bool was_observed(const TensorStats& stats) {
  return stats.count + stats.nan + stats.inf != 0;
}

void collect(const Slots& slots, const std::vector<std::unique_ptr<Worker>>& workers,
             const std::vector<size_t>& skipped, Calibration& result) {
  const std::set<size_t> skip(skipped.begin(), skipped.end());
  const auto add = [&](const std::string& name, size_t slot) {
    TensorStats stats = merged_stats(workers, slot);
    if (skip.contains(slot) || !was_observed(stats)) {
      result.not_observed.push_back(name);
    } else {
      result.stats.tensors.emplace(name, std::move(stats));
    }
  };
  for (size_t slot = 0; slot < slots.node_outputs.size(); ++slot) {
    add(slots.node_outputs[slot], slot);
  }
  for (const auto& [name, slot] : slots.inputs) {
    add(name, slot);
  }
}

}  // namespace

Calibration calibrate(const Model& model, const std::vector<std::string>& values,
                      SampleSource& source, const CalibrateOptions& options) {
  const Slots slots = assign_slots(model, values);
  StatsSink sink;
  ObservedSession observed = observe_values(model, slots.node_outputs, sink);
  Calibration result;
  result.fallback_reason = std::move(observed.fallback_reason);
  if (!result.fallback_reason.empty()) {
    log_warn(
        "calibration observes the model without the runtime's optimizations of layout and runs "
        "slower: " +
        result.fallback_reason);
  }

  const int threads = resolve_threads(options.threads);
  std::vector<std::unique_ptr<Worker>> workers;
  workers.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    workers.push_back(std::make_unique<Worker>(slots.size()));
  }
  SampleQueue queue(source, options);
  parallel_for(static_cast<size_t>(threads), threads, [&](size_t task, int /*thread*/) {
    run_worker(observed.session, slots, queue, *workers[task]);
  });
  if (queue.done() == 0) {
    throw Error(ErrorCode::kInput, "calibration data: expected at least one sample, found none");
  }

  result.stats.data_fingerprint = source.fingerprint();
  result.stats.runtime_version = runtime_version();
  result.stats.samples = queue.done();
  collect(slots, workers, observed.skipped, result);
  return result;
}

}  // namespace ptq
