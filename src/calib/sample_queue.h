#pragma once
// Hands out the samples of a calibration to its workers, and knows which are done: the place where
// batches, shards, checkpoints, the memory limit and interruptions meet. Made for one run. All
// functions may be called from any worker.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "calib/checkpoint.h"
#include "data/sample_source.h"

namespace ptq {

// Samples that go through the model in one run, and their positions in the data.
struct WorkItem {
  std::vector<Sample> samples{};
  std::vector<uint64_t> positions{};
  // Already counted before the run was resumed; run again only for the states it leaves.
  bool replayed = false;
};

struct QueueOptions {
  uint64_t batch = 1;  // samples of equal shapes and one stratum that follow each other in an item
  // A run leaves states for the next: what a resumed run has counted of the sequence that goes on
  // is replayed. Needs one worker.
  bool replay_sequence = false;
  uint64_t shard = 0;  // takes the samples with position % shards == shard
  uint64_t shards = 1;
  uint64_t checkpoint_every = 0;  // samples; 0: never
  uint64_t max_memory = 0;        // bytes; 0: no limit
  const std::atomic<bool>* stop = nullptr;
  std::function<void(size_t done, size_t total)> progress{};
};

enum class QueueEnd { kRunning, kDone, kFailed, kStopped, kMemory };

class SampleQueue {
 public:
  // `resumed` is empty for a new run. `save` is called with no item in any worker's hands; it may
  // read what the workers counted. Both are used during the life of the queue.
  SampleQueue(SampleSource& source, QueueOptions options, std::optional<Checkpoint> resumed,
              std::function<void()> save);

  // The next item; nothing when there is none or the run ends early. Waits while a checkpoint is
  // written and while one more run would exceed the memory limit. Throws Error{kInput} for data
  // that changed since the checkpoint.
  std::optional<WorkItem> next();
  void finish(const WorkItem& item);
  void give_back(const WorkItem& item);  // not counted: cancelled
  void fail();

  // The rest is for when no worker runs, and for `save`.
  QueueEnd end() const { return end_; }
  size_t done() const { return done_count_; }  // in this run and before
  // Positions and hashes of what is counted; stats and identity are left empty.
  Checkpoint position() const;

 private:
  struct Numbered {
    Sample sample;
    uint64_t position = 0;
  };

  bool is_own(uint64_t position) const { return position % options_.shards == options_.shard; }
  void wait_for_turn(std::unique_lock<std::mutex>& lock);
  void check_limits();
  std::optional<WorkItem> read_item();
  std::optional<Numbered> read_sample();
  void check_unchanged(const Numbered& counted) const;
  void learn_memory();

  SampleSource& source_;
  const QueueOptions options_;
  const std::function<void()> save_;
  std::mutex mutex_;
  std::condition_variable changed_;
  QueueEnd end_ = QueueEnd::kRunning;
  size_t in_flight_ = 0;
  size_t limit_;  // items in flight
  bool saving_ = false;
  uint64_t since_checkpoint_ = 0;
  uint64_t resident_before_ = 0;
  uint64_t next_ = 0;          // position of the next sample of the source
  std::vector<bool> counted_;  // by position
  std::vector<Digest> hashes_;
  uint64_t resumed_below_ = 0;  // positions below were met before the run was resumed
  size_t own_total_ = 0;
  size_t done_count_ = 0;
  std::deque<Numbered> ahead_;   // read, but not handed out
  std::deque<Numbered> replay_;  // counted samples of the sequence that goes on
};

}  // namespace ptq
