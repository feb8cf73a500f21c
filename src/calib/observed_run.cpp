#include "calib/observed_run.h"

#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "calib/sample_queue.h"
#include "core/parallel.h"
#include "graph/index.h"
#include "ptq/error.h"
#include "runtime/observed_session.h"

namespace ptq {
namespace {

// What a thread keeps during its runs.
struct Worker {
  size_t index = 0;
  std::vector<bool> observed;
  std::exception_ptr failure;  // what `visit` threw; the runtime only passes text on
};

// Set around each run: observers are called on the thread that runs.
thread_local Worker* current_worker = nullptr;

class VisitorSink : public ObserverSink {
 public:
  // `positions[slot]` is the position of the value.
  VisitorSink(const ValueVisitor& visit, std::vector<size_t> positions)
      : visit_(visit), positions_(std::move(positions)) {}

  void observe(int64_t slot, const ObservedTensor& tensor) override {
    Worker* const worker = current_worker;
    PTQ_CHECK(worker != nullptr && static_cast<size_t>(slot) < positions_.size());
    const size_t position = positions_[static_cast<size_t>(slot)];
    worker->observed[position] = true;
    try {
      visit_(worker->index, position, tensor);
    } catch (...) {
      worker->failure = std::current_exception();
      throw;
    }
  }

 private:
  const ValueVisitor& visit_;
  std::vector<size_t> positions_;
};

struct Input {
  std::string name;
  size_t position = 0;
};

void run_sample(const Session& session, const Sample& sample, const std::vector<Input>& inputs,
                const ValueVisitor& visit, Worker& worker) {
  try {
    for (const Input& input : inputs) {
      const auto found = sample.inputs.find(input.name);
      if (found != sample.inputs.end() && found->second.dtype() == DType::kFloat) {
        worker.observed[input.position] = true;
        visit(worker.index, input.position, {found->second.data<float>(), found->second.shape()});
      }
    }
    current_worker = &worker;
    session.run(sample.inputs);
    current_worker = nullptr;
  } catch (Error& error) {
    current_worker = nullptr;
    try {
      if (worker.failure) {
        std::rethrow_exception(worker.failure);
      }
    } catch (Error& thrown) {
      thrown.add_context(printable(sample.origin));
      throw;
    }
    error.add_context(printable(sample.origin));
    throw;
  }
}

}  // namespace

RunSummary run_observed(const Model& model, const std::vector<std::string>& values,
                        SampleSource& source, const RunOptions& options,
                        const ValueVisitor& visit) {
  std::vector<Input> inputs;
  std::vector<std::string> computed;
  std::vector<size_t> positions;
  {
    const GraphIndex index(model.graph);
    for (size_t i = 0; i < values.size(); ++i) {
      if (index.is_graph_input(values[i])) {
        inputs.push_back({values[i], i});
      } else {
        computed.push_back(values[i]);
        positions.push_back(i);
      }
    }
  }
  VisitorSink sink(visit, std::move(positions));
  ObservedSession observed = observe_values(model, computed, sink, options.stop);

  const int threads = resolve_threads(options.threads);
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < threads; ++i) {
    workers.push_back(std::make_unique<Worker>());
    workers.back()->index = static_cast<size_t>(i);
    workers.back()->observed.resize(values.size());
  }
  QueueOptions queue_options;
  queue_options.stop = options.stop;
  queue_options.progress = options.progress;
  SampleQueue queue(source, std::move(queue_options), std::nullopt, [] {});
  parallel_for(workers.size(), threads, [&](size_t task, int /*thread*/) {
    try {
      while (std::optional<WorkItem> item = queue.next()) {
        run_sample(observed.session, item->samples[0], inputs, visit, *workers[task]);
        queue.finish(*item);
      }
    } catch (...) {
      queue.fail();
      throw;
    }
  });
  if (queue.end() == QueueEnd::kStopped) {
    throw Error(ErrorCode::kInterrupted, fmt::format("interrupted after {} samples", queue.done()));
  }

  RunSummary summary;
  summary.samples = queue.done();
  summary.data_fingerprint = multiset_fingerprint(queue.position().hashes);
  summary.fallback_reason = std::move(observed.fallback_reason);
  summary.observed.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    for (const std::unique_ptr<Worker>& worker : workers) {
      summary.observed[i] = summary.observed[i] || worker->observed[i];
    }
  }
  if (summary.samples == 0) {
    throw Error(ErrorCode::kInput, "calibration data: expected at least one sample, found none");
  }
  return summary;
}

}  // namespace ptq
