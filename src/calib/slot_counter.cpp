#include "calib/slot_counter.h"

#include <algorithm>
#include <cmath>

namespace ptq {
namespace {

constexpr uint32_t kInfinityBits = 0x7F800000U;

}  // namespace

uint64_t* SlotCounts::Window::cover(uint32_t first, uint32_t last) {
  if (counts.empty()) {
    first_key = first;
  }
  if (first < first_key) {
    counts.insert(counts.begin(), first_key - first, 0);
    first_key = first;
  }
  if (last - first_key >= counts.size()) {
    counts.resize(last - first_key + 1);
  }
  return counts.data() + (first - first_key);
}

void SlotCounts::widen(float low, float high) {
  // + 0.0F turns −0 into +0, so that the result does not depend on order.
  min_ = (count_ == 0 ? low : std::min(min_, low)) + 0.0F;
  max_ = (count_ == 0 ? high : std::max(max_, high)) + 0.0F;
}

TensorStats SlotCounts::stats() const {
  TensorStats stats;
  stats.count = count_;
  stats.nan = nan_;
  stats.inf = inf_;
  stats.min = min_;
  stats.max = max_;
  stats.histogram.add(0, false, zeros_);
  for (const bool is_negative : {false, true}) {
    const Window& window = is_negative ? negative_ : positive_;
    for (size_t i = 0; i < window.counts.size(); ++i) {
      stats.histogram.add(window.first_key + static_cast<uint32_t>(i), is_negative,
                          window.counts[i]);
    }
  }
  return stats;
}

SlotCounter::SlotCounter(CountKernel kernel) : kernel_(kernel), tables_(kTables * kTableStride) {}

void SlotCounter::add(std::span<const float> values, SlotCounts& slot) {
  while (!values.empty()) {
    const std::span<const float> part = values.first(std::min(kMaxCounted, values.size()));
    values = values.subspan(part.size());
    const CountResult result = kernel_(part, tables_.data());
    if (result.largest < kInfinityBits) {
      add_finite(result, part.size(), slot);
    } else {
      add_nonfinite(part, result, slot);
    }
  }
}

void SlotCounter::add_finite(const CountResult& result, size_t count, SlotCounts& slot) {
  slot.widen(result.min, result.max);
  slot.count_ += count;
  slot.zeros_ += result.zeros;
  move_counts(result.smallest >> LogHistogram::kShift, result.largest >> LogHistogram::kShift,
              slot);
}

// Rare, so simple: the extremes of the kernel are void, the keys of Inf and NaN must not stay in
// the tables.
void SlotCounter::add_nonfinite(std::span<const float> values, const CountResult& result,
                                SlotCounts& slot) {
  for (const float value : values) {
    if (std::isnan(value)) {
      ++slot.nan_;
    } else if (std::isinf(value)) {
      ++slot.inf_;
    } else {
      slot.widen(value, value);
      ++slot.count_;
    }
  }
  for (size_t t = 0; t < kTables; ++t) {
    for (const uint32_t sign : {0U, kSignBit}) {
      uint32_t* const side = tables_.data() + t * kTableStride + sign;
      std::fill(side + LogHistogram::kNonFiniteKey, side + LogHistogram::kKeysPerSign, 0U);
    }
  }
  slot.zeros_ += result.zeros;
  move_counts(result.smallest >> LogHistogram::kShift, LogHistogram::kNonFiniteKey - 1, slot);
}

// Moves the counts of magnitude keys [first_key, last_key] and of zeros from the tables to `slot`.
void SlotCounter::move_counts(uint32_t first_key, uint32_t last_key, SlotCounts& slot) {
  for (size_t t = 0; t < kTables; ++t) {
    for (const uint32_t zero : {0U, kSignBit}) {
      uint32_t& cell = tables_[t * kTableStride + zero];
      slot.zeros_ += cell;
      cell = 0;
    }
  }
  if (first_key > last_key) {
    return;  // nothing but zeros
  }
  if (slot.max_ > 0.0F) {
    move_side(0, first_key, last_key, slot.positive_);
  }
  if (slot.min_ < 0.0F) {
    move_side(kSignBit, first_key, last_key, slot.negative_);
  }
}

void SlotCounter::move_side(uint32_t sign, uint32_t first_key, uint32_t last_key,
                            SlotCounts::Window& window) {
  const size_t width = last_key - first_key + 1;
  uint64_t* const counts = window.cover(first_key, last_key);
  for (size_t t = 0; t < kTables; ++t) {
    uint32_t* const cells = tables_.data() + t * kTableStride + sign + first_key;
    for (size_t i = 0; i < width; ++i) {
      counts[i] += cells[i];
    }
    std::fill_n(cells, width, 0U);
  }
}

}  // namespace ptq
