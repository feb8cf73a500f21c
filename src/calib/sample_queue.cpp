#include "calib/sample_queue.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/memory.h"
#include "data/sample_check.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr size_t kNoLimit = SIZE_MAX;

// Rows of both may stand in one tensor: equal types and shapes, one row each.
bool same_form(const Sample& a, const Sample& b) {
  return a.stratum == b.stratum &&
         std::equal(a.inputs.begin(), a.inputs.end(), b.inputs.begin(), b.inputs.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && x.second.dtype() == y.second.dtype() &&
                             x.second.shape() == y.second.shape() && x.second.rank() > 0 &&
                             x.second.shape()[0] == 1;
                    });
}

}  // namespace

SampleQueue::SampleQueue(SampleSource& source, QueueOptions options,
                         std::optional<Checkpoint> resumed, std::function<void()> save)
    : source_(source),
      options_(std::move(options)),
      save_(std::move(save)),
      limit_(options_.max_memory > 0 ? 1 : kNoLimit),
      resident_before_(resident_bytes()),
      counted_(source.size()),
      hashes_(source.size()) {
  for (uint64_t position = 0; position < counted_.size(); ++position) {
    own_total_ += is_own(position) ? 1 : 0;
  }
  if (resumed) {
    resumed_below_ = resumed->next;
    const std::vector<uint64_t>& pending = resumed->pending;
    size_t hash = 0;
    for (uint64_t position = 0; position < resumed_below_; ++position) {
      if (is_own(position) && !std::ranges::binary_search(pending, position)) {
        PTQ_CHECK(hash < resumed->hashes.size());
        counted_[position] = true;
        hashes_[position] = resumed->hashes[hash++];
      }
    }
    done_count_ = hash;
  }
}

std::optional<WorkItem> SampleQueue::next() {
  std::unique_lock lock(mutex_);
  wait_for_turn(lock);
  if (end_ != QueueEnd::kRunning) {
    return std::nullopt;
  }
  try {
    std::optional<WorkItem> item = read_item();
    if (item) {
      ++in_flight_;
    } else {
      end_ = QueueEnd::kDone;
      changed_.notify_all();
    }
    return item;
  } catch (...) {
    end_ = QueueEnd::kFailed;
    changed_.notify_all();
    throw;
  }
}

// Until this worker may take an item, or the run has ended. The worker that finds a checkpoint due
// writes it once all others have handed in theirs.
void SampleQueue::wait_for_turn(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    changed_.wait(lock,
                  [&] { return end_ != QueueEnd::kRunning || (!saving_ && in_flight_ < limit_); });
    check_limits();
    if (end_ != QueueEnd::kRunning || options_.checkpoint_every == 0 ||
        since_checkpoint_ < options_.checkpoint_every) {
      return;
    }
    saving_ = true;
    changed_.wait(lock, [&] { return in_flight_ == 0 || end_ != QueueEnd::kRunning; });
    if (end_ == QueueEnd::kRunning) {
      save_();
      since_checkpoint_ = 0;
    }
    saving_ = false;
    changed_.notify_all();
  }
}

void SampleQueue::check_limits() {
  if (end_ != QueueEnd::kRunning) {
    return;
  }
  if (options_.stop != nullptr && options_.stop->load()) {
    end_ = QueueEnd::kStopped;
  } else if (options_.max_memory > 0 && resident_bytes() > options_.max_memory) {
    end_ = QueueEnd::kMemory;
  } else {
    return;
  }
  changed_.notify_all();
}

std::optional<WorkItem> SampleQueue::read_item() {
  if (ahead_.empty()) {
    std::optional<Numbered> first = read_sample();
    if (!first) {
      return std::nullopt;
    }
    if (replay_.empty() || replay_.front().sample.sequence != first->sample.sequence) {
      replay_.clear();
    }
    ahead_.push_back(std::move(*first));
  }
  WorkItem item;
  if (!replay_.empty()) {
    item.replayed = true;
    item.samples.push_back(std::move(replay_.front().sample));
    item.positions.push_back(replay_.front().position);
    replay_.pop_front();
    return item;
  }
  while (item.samples.size() < options_.batch && !ahead_.empty()) {
    item.samples.push_back(std::move(ahead_.front().sample));
    item.positions.push_back(ahead_.front().position);
    ahead_.pop_front();
    if (item.samples.size() < options_.batch) {
      std::optional<Numbered> further = read_sample();
      if (further) {
        ahead_.push_back(std::move(*further));
        if (!same_form(item.samples.front(), ahead_.front().sample)) {
          break;
        }
      }
    }
  }
  return item;
}

// The next sample that is not counted yet. Those that are must be the same as when they were.
std::optional<SampleQueue::Numbered> SampleQueue::read_sample() {
  while (next_ < counted_.size()) {
    const uint64_t position = next_++;
    if (!is_own(position)) {
      source_.skip();
      continue;
    }
    std::optional<Sample> sample = source_.next();
    if (!sample) {
      return std::nullopt;
    }
    Numbered numbered{std::move(*sample), position};
    if (!counted_[position]) {
      return numbered;
    }
    check_unchanged(numbered);
    if (options_.replay_sequence) {
      if (!replay_.empty() && replay_.front().sample.sequence != numbered.sample.sequence) {
        replay_.clear();
      }
      replay_.push_back(std::move(numbered));
    }
  }
  return std::nullopt;
}

void SampleQueue::check_unchanged(const Numbered& counted) const {
  if (sample_hash(counted.sample) != hashes_[counted.position]) {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: the sample is another one than when the checkpoint was written; "
                            "restore the data, or calibrate without --resume",
                            printable(counted.sample.origin)));
  }
}

void SampleQueue::finish(const WorkItem& item) {
  std::vector<Digest> hashes;
  hashes.reserve(item.samples.size());
  if (!item.replayed) {
    for (const Sample& sample : item.samples) {
      hashes.push_back(sample_hash(sample));
    }
  }
  const std::lock_guard lock(mutex_);
  --in_flight_;
  for (size_t i = 0; i < hashes.size(); ++i) {
    counted_[item.positions[i]] = true;
    hashes_[item.positions[i]] = hashes[i];
  }
  done_count_ += hashes.size();
  since_checkpoint_ += hashes.size();
  learn_memory();
  if (options_.progress) {
    for (size_t i = hashes.size(); i-- > 0;) {
      options_.progress(done_count_ - i, own_total_);
    }
  }
  changed_.notify_all();
}

// Every run takes about as much as the first one did, so many fit beside it.
void SampleQueue::learn_memory() {
  if (options_.max_memory == 0 || limit_ != 1) {
    return;
  }
  constexpr uint64_t kLeast = uint64_t{1} << 20;
  const uint64_t now = resident_bytes();
  const uint64_t a_run = std::max(kLeast, now - std::min(now, resident_before_));
  const uint64_t left = options_.max_memory - std::min(options_.max_memory, now);
  limit_ = 1 + static_cast<size_t>(left / a_run);
}

void SampleQueue::give_back(const WorkItem& /*item*/) {
  const std::lock_guard lock(mutex_);
  --in_flight_;
  changed_.notify_all();
}

void SampleQueue::fail() {
  const std::lock_guard lock(mutex_);
  end_ = QueueEnd::kFailed;
  changed_.notify_all();
}

Checkpoint SampleQueue::position() const {
  Checkpoint at;
  at.total = counted_.size();
  at.next = std::max(next_, resumed_below_);
  while (at.next > 0 && !(is_own(at.next - 1) && counted_[at.next - 1])) {
    --at.next;  // nothing counted is behind it
  }
  for (uint64_t position = 0; position < at.next; ++position) {
    if (!is_own(position)) {
      continue;
    }
    if (counted_[position]) {
      at.hashes.push_back(hashes_[position]);
    } else {
      at.pending.push_back(position);
    }
  }
  return at;
}

}  // namespace ptq
