#pragma once
// What one calibration worker counts: SlotCounts for each observed value, filled by one SlotCounter
// whose tables all values share, so that a value needs only the few kilobytes of its own range. An
// object belongs to one thread at a time; the results of workers are merged at the end.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "calib/count_kernel.h"
#include "ptq/activation_stats.h"
#include "ptq/sample_sketch.h"

namespace ptq {

// Counts of one value so far. Empty when made.
class SlotCounts {
 public:
  // Same content in the form that is kept and merged.
  TensorStats stats() const;
  ValueSketch sketch() const;
  void merge(const SlotCounts& other);
  // Empty again, with its memory kept.
  void clear();

 private:
  friend class SlotCounter;
  // counts[i] belongs to magnitude key first_key + i.
  struct Window {
    uint32_t first_key = 0;
    std::vector<uint64_t> counts;
    // Makes room for keys [first, last] and returns where the count of `first` is.
    uint64_t* cover(uint32_t first, uint32_t last);
  };
  void widen(float low, float high);

  uint64_t count_ = 0;  // finite values
  uint64_t nan_ = 0;
  uint64_t inf_ = 0;
  uint64_t zeros_ = 0;
  float min_ = 0.0F;  // over finite values; 0 while there is none
  float max_ = 0.0F;
  Window positive_;
  Window negative_;
};

class SlotCounter {
 public:
  explicit SlotCounter(CountKernel kernel = count_kernels().back().function);

  // Adds `values` to `slot`. Several calls may follow each other for one slot; `flush` ends them
  // and returns the extremes of the finite values among them.
  void add(std::span<const float> values, SlotCounts& slot);
  std::optional<Extremes> flush(SlotCounts& slot);

 private:
  void add_nonfinite(std::span<const float> values, SlotCounts& slot);
  void widen(float low, float high, SlotCounts& slot);
  void drain(SlotCounts& slot);
  void flush_side(uint32_t sign, SlotCounts::Window& window);

  CountKernel kernel_;
  std::vector<uint32_t> tables_;  // all zero but for keys [first_key_, last_key_] and zeros
  uint32_t first_key_ = 0;        // magnitude keys in the tables; none when first > last
  uint32_t last_key_ = 0;
  size_t pending_ = 0;             // values in the tables
  std::optional<Extremes> added_;  // since the last flush
};

}  // namespace ptq
