#include "observe/model_counts.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kIndexBits = 8;  // of a token; the rest is the generation
static_assert(ModelCounts::kMaxRuns == size_t{1} << kIndexBits);

void widen(std::optional<Extremes>& extremes, const Extremes& further) {
  if (!extremes) {
    extremes = further;
  }
  extremes->min = std::min(extremes->min, further.min);
  extremes->max = std::max(extremes->max, further.max);
}

}  // namespace

// Counts of one run. Kept for the next one, so that its memory is.
struct ModelCounts::Run {
  explicit Run(size_t values) : slots(values), extremes(values) {}

  std::mutex mutex;  // of all below but the last four, which belong to ModelCounts::mutex_
  uint64_t generation = 0;
  SlotCounter counter;
  std::vector<SlotCounts> slots;
  std::vector<std::optional<Extremes>> extremes;
  std::vector<Digest> samples;
  std::optional<TokenMask> mask;

  size_t index = 0;
  bool taken = false;
  Clock::time_point begun;
  uint64_t period = 0;

  void clear() {
    std::ranges::for_each(slots, &SlotCounts::clear);
    std::ranges::fill(extremes, std::nullopt);
    ++generation;
  }
};

ModelCounts::ModelCounts(ObservedModel model) : model_(std::move(model)) {
  reset();
}

ModelCounts::~ModelCounts() = default;

void ModelCounts::reset() {
  const std::scoped_lock lock(mutex_);
  sum_ = {};
  ++period_;
  sum_.slots.resize(model_.values.size());
  sum_.extremes.resize(model_.values.size());
}

void ModelCounts::see_run() {
  const std::scoped_lock lock(mutex_);
  ++sum_.runs;
}

uint64_t ModelCounts::runs() const {
  const std::scoped_lock lock(mutex_);
  return sum_.runs;
}

uint64_t ModelCounts::counted() const {
  const std::scoped_lock lock(mutex_);
  return sum_.counted;
}

// A free one, a new one, or one whose run did not end for so long that it will not. Null when all
// are busy. Belongs to the caller until `taken` is cleared.
ModelCounts::Run* ModelCounts::take_run(std::chrono::nanoseconds patience) {
  const std::scoped_lock lock(mutex_);
  ++sum_.runs;
  const Clock::time_point now = Clock::now();
  Run* found = nullptr;
  for (const std::unique_ptr<Run>& run : runs_) {
    if (!run->taken) {
      found = run.get();
      break;
    }
  }
  if (found == nullptr && runs_.size() < kMaxRuns) {
    runs_.push_back(std::make_unique<Run>(model_.values.size()));
    found = runs_.back().get();
    found->index = runs_.size() - 1;
  }
  for (size_t i = 0; found == nullptr && i < runs_.size(); ++i) {
    Run& old = *runs_[i];
    const std::unique_lock idle(old.mutex, std::try_to_lock);
    if (now - old.begun > patience && idle.owns_lock()) {
      old.clear();  // its token is stale from now on
      found = &old;
    }
  }
  if (found != nullptr) {
    found->taken = true;
    found->begun = now;
    found->period = period_;
  }
  return found;
}

int64_t ModelCounts::begin_run(std::vector<Digest> samples, std::optional<TokenMask> mask,
                               std::chrono::nanoseconds patience) {
  Run* const run = take_run(patience);
  if (run == nullptr) {
    return 0;
  }
  const std::scoped_lock lock(run->mutex);
  run->clear();
  run->samples = std::move(samples);
  run->mask = std::move(mask);
  return static_cast<int64_t>(run->generation << kIndexBits | run->index);
}

void ModelCounts::count(int64_t token, size_t slot, const ObservedTensor& tensor) {
  if (slot >= model_.values.size()) {
    throw Error(ErrorCode::kInput,
                fmt::format("observer of slot {}: the model has {}; make it again with `ptq "
                            "instrument`",
                            slot, model_.values.size()));
  }
  Run* const run = find_run(token);
  if (run == nullptr) {
    return;
  }
  const std::scoped_lock lock(run->mutex);
  if (run->generation != static_cast<uint64_t>(token) >> kIndexBits) {
    return;
  }
  SlotCounts& counts = run->slots[slot];
  const auto add = [&](std::span<const float> values) { run->counter.add(values, counts); };
  TokenAxes axes;
  if (run->mask) {
    axes = run->mask->find_axes(tensor.shape, model_.shapes.at(slot), model_.tokens_vary);
  }
  if (axes.kind != TokenAxes::Kind::kNone) {
    run->mask->for_each_kept(tensor.shape, axes, tensor.stored, add);
  } else {
    for_each_piece(tensor, add);
  }
  if (const std::optional<Extremes> extremes = run->counter.flush(counts)) {
    widen(run->extremes[slot], *extremes);
  }
}

ModelCounts::Run* ModelCounts::find_run(int64_t token) {
  const auto index = static_cast<uint64_t>(token) & (kMaxRuns - 1);
  const std::scoped_lock lock(mutex_);
  return index < runs_.size() ? runs_[index].get() : nullptr;
}

void ModelCounts::end_run(int64_t token) {
  Run* const run = find_run(token);
  if (run == nullptr) {
    return;
  }
  const std::scoped_lock run_lock(run->mutex);
  if (run->generation != static_cast<uint64_t>(token) >> kIndexBits) {
    return;
  }
  const std::scoped_lock lock(mutex_);
  if (run->period == period_) {
    add(*run);
  }
  run->clear();
  run->taken = false;
}

void ModelCounts::add(const Run& run) {
  for (size_t slot = 0; slot < run.slots.size(); ++slot) {
    sum_.slots[slot].merge(run.slots[slot]);
    if (run.extremes[slot]) {
      widen(sum_.extremes[slot], *run.extremes[slot]);
    }
  }
  add_samples(run.samples);
  ++sum_.counted;
}

void ModelCounts::add_samples(const std::vector<Digest>& samples) {
  sum_.samples += samples.size();
  for (const Digest& sample : samples) {
    const bool full = sum_.times.size() == Production::kMaxHashes;
    if (full && sample > std::prev(sum_.times.end())->first) {
      continue;
    }
    ++sum_.times[sample];
    if (sum_.times.size() > Production::kMaxHashes) {
      sum_.times.erase(std::prev(sum_.times.end()));
    }
  }
}

ActivationStats ModelCounts::stats() const {
  std::unique_lock lock(mutex_);
  const Sum sum = sum_;
  lock.unlock();  // the rest takes longer, and runs wait for the lock
  ActivationStats stats;
  stats.model_fingerprint = model_.fingerprint;
  stats.runtime_version = model_.runtime_version;
  stats.settings = model_.settings;
  Production& production = stats.production.emplace();
  production.runs = sum.runs;
  production.counted = sum.counted;
  production.samples = sum.samples;
  for (const auto& [hash, times] : sum.times) {
    stats.sample_hashes.push_back(hash);
    production.times.push_back(times);
  }
  Stratum& all = stats.strata[""];
  all.samples = sum.samples;
  for (size_t slot = 0; slot < sum.slots.size(); ++slot) {
    const std::string& name = model_.values[slot];
    stats.tensors.emplace(name, sum.slots[slot].stats());
    if (sum.extremes[slot]) {
      all.extremes.emplace(name, *sum.extremes[slot]);
    }
  }
  return stats;
}

}  // namespace ptq
