#include "calib/calibration_run.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <limits>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "calib/merge_stats.h"
#include "calib/stack_samples.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "data/sample_check.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using Clock = std::chrono::steady_clock;

// After a run that took longer, the next one may have to be cancelled by a stop.
constexpr double kLongRunSeconds = 0.2;
// How long a stop waits for runs to end by themselves.
constexpr std::chrono::milliseconds kGrace{500};

}  // namespace

struct CalibrationRun::Worker {
  Worker(const SlotTable& table, bool sketch) : counts(table, sketch) {}
  CountingWorker counts;
  std::vector<SampleSketch> sketches;
  RunControl control;
  std::atomic<bool> may_cancel{false};
  double last_run_seconds = std::numeric_limits<double>::infinity();
};

// Cancels runs that do not end soon after a stop, where their counts can be taken back.
class CalibrationRun::StopWatcher {
 public:
  StopWatcher(const std::atomic<bool>* stop, const std::vector<std::unique_ptr<Worker>>& workers) {
    if (stop != nullptr) {
      thread_ = std::jthread([stop, &workers](const std::stop_token& done) {
        std::optional<Clock::time_point> stopped;
        while (!done.stop_requested()) {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          if (stop->load() && !stopped) {
            stopped = Clock::now();
          }
          for (const std::unique_ptr<Worker>& worker : workers) {
            if (stopped && Clock::now() - *stopped > kGrace && worker->may_cancel) {
              worker->control.cancel();
            }
          }
        }
      });
    }
  }

 private:
  std::jthread thread_;
};

CalibrationRun::CalibrationRun(const Model& model, const ObservedSlots& slots, SampleSource& source,
                               const CalibrateOptions& options, ActivationStats identity)
    : slots_(slots), options_(options), base_(std::move(identity)) {
  if (!options.measure.states.empty()) {
    states_.emplace(model.graph, options.measure.states);
  }
  const int threads = states_ ? 1 : resolve_threads(options.threads);
  for (int i = 0; i < threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(slots.table, options.sketch));
  }
  std::optional<Checkpoint> checkpoint = load_checkpoint(source);
  if (checkpoint) {
    resumed_ = checkpoint->hashes.size();
    base_.strata = std::move(checkpoint->stats.strata);
    base_.tensors = std::move(checkpoint->stats.tensors);
  }
  QueueOptions queue;
  queue.batch = options.measure.batch;
  queue.replay_sequence = states_.has_value();
  queue.shard = options.measure.shard;
  queue.shards = options.measure.shards;
  queue.checkpoint_every =
      options.measure.checkpoint.empty() ? 0 : options.measure.checkpoint_every;
  queue.max_memory = options.measure.max_memory;
  queue.stop = options.stop;
  queue.progress = options.progress;
  queue_.emplace(source, std::move(queue), std::move(checkpoint), [this] { save(); });
}

CalibrationRun::~CalibrationRun() = default;

std::string CalibrationRun::identity_text(size_t total) const {
  Sha256 hash;
  hash.update_field(fmt::format("{} samples, batch {}, shard {}/{}", total, options_.measure.batch,
                                options_.measure.shard, options_.measure.shards));
  for (const std::string* text :
       {&base_.model_fingerprint, &base_.runtime_version, &base_.preprocessing, &base_.settings}) {
    hash.update_field(*text);
  }
  for (const std::string& name : slots_.table.names) {
    hash.update_field(name);
  }
  return hash.hex();
}

std::optional<Checkpoint> CalibrationRun::load_checkpoint(const SampleSource& source) const {
  std::error_code ignored;
  if (!options_.measure.resume || options_.measure.checkpoint.empty() ||
      !std::filesystem::exists(options_.measure.checkpoint, ignored)) {
    return std::nullopt;
  }
  Checkpoint checkpoint = read_checkpoint(options_.measure.checkpoint);
  if (checkpoint.identity != identity_text(source.size()) || checkpoint.total != source.size()) {
    const char* const what = checkpoint.stats.model_fingerprint != base_.model_fingerprint
                                 ? "on another model"
                             : checkpoint.stats.runtime_version != base_.runtime_version
                                 ? "with another version of ONNX Runtime"
                             : checkpoint.total != source.size() ? "over another number of samples"
                                                                 : "with other options";
    throw Error(ErrorCode::kInput,
                fmt::format("{}: the unfinished calibration ran {}; give the same arguments as "
                            "then, or begin anew without --resume",
                            printable(options_.measure.checkpoint.string()), what));
  }
  return checkpoint;
}

void CalibrationRun::save() const {
  Checkpoint checkpoint = queue_->position();
  checkpoint.identity = identity_text(checkpoint.total);
  checkpoint.stats = stats();
  write_checkpoint(checkpoint, options_.measure.checkpoint);
}

ActivationStats CalibrationRun::stats() const {
  ActivationStats sum = base_;
  for (const std::unique_ptr<Worker>& worker : workers_) {
    absorb(sum, worker->counts.stats());
  }
  sum.sample_hashes = queue_->position().hashes;
  std::ranges::sort(sum.sample_hashes);
  return sum;
}

std::vector<SampleSketch> CalibrationRun::take_sketches() {
  std::vector<SampleSketch> all;
  for (const std::unique_ptr<Worker>& worker : workers_) {
    std::ranges::move(worker->sketches, std::back_inserter(all));
    worker->sketches.clear();
  }
  std::ranges::sort(all, {}, &SampleSketch::position);
  return all;
}

bool CalibrationRun::counted_unmasked(size_t slot) const {
  return std::ranges::any_of(workers_,
                             [&](const auto& worker) { return worker->counts.unmasked()[slot]; });
}

void CalibrationRun::set_mask(const std::map<std::string, Tensor>& inputs, Worker& worker) const {
  if (options_.measure.mask_input.empty()) {
    return;
  }
  const auto mask = inputs.find(options_.measure.mask_input);
  if (mask == inputs.end()) {
    throw Error(ErrorCode::kInput, fmt::format("mask input '{}' is not in the data",
                                               printable(options_.measure.mask_input)));
  }
  worker.counts.set_mask(TokenMask(
      mask->second, fmt::format("mask input '{}'", printable(options_.measure.mask_input))));
}

void CalibrationRun::count_inputs(const std::map<std::string, Tensor>& inputs,
                                  Worker& worker) const {
  for (const auto& [name, slot] : slots_.inputs) {
    const auto input = inputs.find(name);
    if (input != inputs.end() && input->second.dtype() == DType::kFloat) {
      worker.counts.count(slot,
                          {.stored = input->second.data<float>(), .shape = input->second.shape()});
    }
  }
}

// False when the run was cancelled and is not counted.
bool CalibrationRun::run_item(const Session& session, Worker& worker, const WorkItem& item) {
  std::map<std::string, Tensor> inputs = stack_samples(item.samples);
  if (states_) {
    states_->begin(item.samples[0].sequence, inputs);
  }
  set_mask(inputs, worker);
  const bool may_cancel = worker.last_run_seconds > kLongRunSeconds;
  worker.counts.begin(item.samples[0].stratum, item.samples.size(), may_cancel || item.replayed);
  const Clock::time_point start = Clock::now();
  try {
    count_inputs(inputs, worker);
    worker.may_cancel = may_cancel;
    const std::vector<Tensor> outputs = session.run(inputs, &worker.control);
    worker.may_cancel = false;
    if (states_) {
      states_->take(outputs);
    }
  } catch (const Error&) {
    worker.may_cancel = false;
    if (!worker.control.cancelled()) {
      throw;
    }
    worker.counts.undo();
    return false;
  }
  worker.last_run_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (item.replayed) {
    worker.counts.undo();
  } else {
    worker.counts.commit();
    if (options_.sketch) {
      const Sample& sample = item.samples[0];
      worker.sketches.push_back({item.positions[0], sample.origin, sample.stratum, sample.sequence,
                                 sample_hash(sample), worker.counts.take_sketch()});
    }
  }
  return true;
}

void CalibrationRun::work_on(const Session& session, Worker& worker) {
  WorkerSink::set_worker(&worker.counts);
  try {
    while (std::optional<WorkItem> item = queue_->next()) {
      try {
        if (run_item(session, worker, *item)) {
          queue_->finish(*item);
        } else {
          queue_->give_back(*item);
        }
      } catch (Error& error) {
        error.add_context(printable(item->samples[0].origin));
        throw;
      }
    }
  } catch (...) {
    queue_->fail();
    WorkerSink::set_worker(nullptr);
    throw;
  }
  WorkerSink::set_worker(nullptr);
}

// Writes what there is, and says what to do with it.
std::string CalibrationRun::end_early() const {
  const std::string text = fmt::format("after {} samples", queue_->done());
  if (options_.measure.checkpoint.empty() || queue_->done() == 0) {
    return text;
  }
  save();
  return fmt::format("{}; the same command with --resume goes on from {}", text,
                     printable(options_.measure.checkpoint.string()));
}

void CalibrationRun::work(const Session& session) {
  {
    const StopWatcher watcher(options_.stop, workers_);
    parallel_for(workers_.size(), static_cast<int>(workers_.size()),
                 [&](size_t task, int /*thread*/) { work_on(session, *workers_[task]); });
  }
  switch (queue_->end()) {
    case QueueEnd::kStopped:
      throw Error(ErrorCode::kInterrupted, "interrupted " + end_early());
    case QueueEnd::kMemory:
      throw Error(
          ErrorCode::kEnvironment,
          fmt::format("expected to stay within --max-memory of {} MiB, found {} MiB in use "
                      "{}; allow more, or use fewer --threads",
                      options_.measure.max_memory >> 20, resident_bytes() >> 20, end_early()));
    default:
      break;
  }
  if (queue_->done() == 0) {
    throw Error(ErrorCode::kInput, "calibration data: expected at least one sample, found none");
  }
}

}  // namespace ptq
