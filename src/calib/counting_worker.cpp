#include "calib/counting_worker.h"

#include <algorithm>
#include <utility>

#include "ptq/error.h"

namespace ptq {
namespace {

thread_local CountingWorker* current_worker = nullptr;

void widen(std::optional<Extremes>& extremes, const Extremes& further) {
  if (!extremes) {
    extremes = further;
  }
  extremes->min = std::min(extremes->min, further.min);
  extremes->max = std::max(extremes->max, further.max);
}

// A value that no run reported has an input of another type or without a feed, or the runtime never
// computed it.
bool was_observed(const TensorStats& stats) {
  return stats.count + stats.nan + stats.inf != 0;
}

}  // namespace

CountingWorker::CountingWorker(const SlotTable& table, bool sketch)
    : table_(table), sketches_(sketch), unmasked_(table.names.size()) {
  run_.resize(sketch ? table.names.size() : 0);
  counts_.slots.resize(table.names.size());
}

void CountingWorker::begin(const std::string& stratum, uint64_t samples, bool may_undo) {
  before_ = may_undo ? std::optional(counts_) : std::nullopt;
  stratum_ = &counts_.strata[stratum];
  stratum_->extremes.resize(table_.names.size());
  samples_ = samples;
}

void CountingWorker::count(size_t slot, const ObservedTensor& tensor) {
  PTQ_CHECK(stratum_ != nullptr && slot < counts_.slots.size());
  SlotCounts& counts = sketches_ ? run_[slot] : counts_.slots[slot];
  const auto add = [&](std::span<const float> values) { counter_.add(values, counts); };
  TokenAxes axes;
  if (mask_ && tensor.block == 0) {
    axes = mask_->find_axes(tensor.shape, table_.shapes[slot], table_.tokens_vary);
  }
  if (axes.kind != TokenAxes::Kind::kNone) {
    mask_->for_each_kept(tensor.shape, axes, tensor.stored, add);
  } else {
    unmasked_[slot] = unmasked_[slot] || mask_.has_value();
    for_each_piece(tensor, add);
  }
  if (const std::optional<Extremes> extremes = counter_.flush(counts)) {
    widen(stratum_->extremes[slot], *extremes);
  }
}

void CountingWorker::commit() {
  sketch_.clear();
  for (size_t slot = 0; slot < run_.size(); ++slot) {
    sketch_.push_back(run_[slot].sketch());
    counts_.slots[slot].merge(run_[slot]);
    run_[slot].clear();
  }
  stratum_->samples += samples_;
  stratum_ = nullptr;
  before_.reset();
}

void CountingWorker::undo() {
  PTQ_CHECK(before_.has_value());
  counts_ = std::move(*before_);
  std::ranges::for_each(run_, &SlotCounts::clear);
  stratum_ = nullptr;
  before_.reset();
}

ActivationStats CountingWorker::stats() const {
  ActivationStats stats;
  for (size_t slot = 0; slot < counts_.slots.size(); ++slot) {
    TensorStats tensor = counts_.slots[slot].stats();
    if (was_observed(tensor)) {
      stats.tensors.emplace(table_.names[slot], std::move(tensor));
    }
  }
  for (const auto& [name, counts] : counts_.strata) {
    Stratum& stratum = stats.strata[name];
    stratum.samples = counts.samples;
    for (size_t slot = 0; slot < counts.extremes.size(); ++slot) {
      if (counts.extremes[slot]) {
        stratum.extremes.emplace(table_.names[slot], *counts.extremes[slot]);
      }
    }
  }
  return stats;
}

void WorkerSink::observe(int64_t slot, const ObservedTensor& tensor) {
  if (current_worker != nullptr) {
    current_worker->count(static_cast<size_t>(slot), tensor);
  }
}

void WorkerSink::set_worker(CountingWorker* worker) {
  current_worker = worker;
}

}  // namespace ptq
