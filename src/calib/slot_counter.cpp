#include "calib/slot_counter.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ptq {

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

ValueSketch SlotCounts::sketch() const {
  constexpr uint32_t kBucketsPerOctave = 32;
  ValueSketch out{.count = count_, .extremes = {min_, max_}};
  if (count_ == 0) {
    return out;
  }
  out.top_octave =
      LogHistogram::magnitude_key(std::max(std::abs(min_), std::abs(max_))) / kBucketsPerOctave;
  for (const Window* window : {&positive_, &negative_}) {
    for (size_t i = 0; i < window->counts.size(); ++i) {
      const uint32_t key = window->first_key + static_cast<uint32_t>(i);
      // Key 0 is zero; the windows hold none, or a count of 0.
      const uint32_t below = out.top_octave - key / kBucketsPerOctave;
      if (window->counts[i] != 0 && key != 0 && below < ValueSketch::kOctaves) {
        uint32_t& cell = out.octaves[below];
        cell += static_cast<uint32_t>(std::min<uint64_t>(window->counts[i], UINT32_MAX - cell));
      }
    }
  }
  return out;
}

void SlotCounts::merge(const SlotCounts& other) {
  if (other.count_ > 0) {
    widen(other.min_, other.max_);
  }
  count_ += other.count_;
  nan_ += other.nan_;
  inf_ += other.inf_;
  zeros_ += other.zeros_;
  for (Window SlotCounts::*const side : {&SlotCounts::positive_, &SlotCounts::negative_}) {
    const Window& from = other.*side;
    if (!from.counts.empty()) {
      const auto last = from.first_key + static_cast<uint32_t>(from.counts.size()) - 1;
      uint64_t* const to = (this->*side).cover(from.first_key, last);
      for (size_t i = 0; i < from.counts.size(); ++i) {
        to[i] += from.counts[i];
      }
    }
  }
}

void SlotCounts::clear() {
  count_ = nan_ = inf_ = zeros_ = 0;
  min_ = max_ = 0.0F;
  positive_.counts.clear();
  negative_.counts.clear();
}

SlotCounter::SlotCounter(CountKernel kernel)
    : kernel_(kernel), tables_(kTables * kTableStride), first_key_(LogHistogram::kKeysPerSign) {}

void SlotCounter::add(std::span<const float> values, SlotCounts& slot) {
  while (!values.empty()) {
    const std::span<const float> part = values.first(std::min(kMaxCounted, values.size()));
    values = values.subspan(part.size());
    if (pending_ + part.size() > kMaxCounted) {
      drain(slot);
    }
    pending_ += part.size();
    const CountResult result = kernel_(part, tables_.data());
    slot.zeros_ += result.zeros;
    first_key_ = std::min(first_key_, result.smallest_key);
    if (result.largest_key < LogHistogram::kNonFiniteKey) {
      last_key_ = std::max(last_key_, result.largest_key);
      widen(result.min, result.max, slot);
      slot.count_ += part.size();
    } else {
      add_nonfinite(part, slot);
    }
  }
}

// Rare, so simple: the extremes of the kernel are void, the keys of Inf and NaN must not stay in
// the tables.
void SlotCounter::add_nonfinite(std::span<const float> values, SlotCounts& slot) {
  for (const float value : values) {
    if (std::isnan(value)) {
      ++slot.nan_;
    } else if (std::isinf(value)) {
      ++slot.inf_;
    } else {
      widen(value, value, slot);
      ++slot.count_;
    }
  }
  for (size_t t = 0; t < kTables; ++t) {
    for (const uint32_t sign : {0U, kSignBit}) {
      uint32_t* const side = tables_.data() + t * kTableStride + sign;
      std::fill(side + LogHistogram::kNonFiniteKey, side + LogHistogram::kKeysPerSign, 0U);
    }
  }
  last_key_ = LogHistogram::kNonFiniteKey - 1;
}

void SlotCounter::widen(float low, float high, SlotCounts& slot) {
  slot.widen(low, high);
  const Extremes both{std::min(added_ ? added_->min : low, low) + 0.0F,
                      std::max(added_ ? added_->max : high, high) + 0.0F};
  added_ = both;
}

std::optional<Extremes> SlotCounter::flush(SlotCounts& slot) {
  drain(slot);
  return std::exchange(added_, std::nullopt);
}

void SlotCounter::drain(SlotCounts& slot) {
  for (size_t t = 0; t < kTables; ++t) {
    for (const uint32_t zero : {0U, kSignBit}) {
      uint32_t& cell = tables_[t * kTableStride + zero];
      slot.zeros_ += cell;
      cell = 0;
    }
  }
  if (first_key_ <= last_key_) {
    if (slot.max_ > 0.0F) {
      flush_side(0, slot.positive_);
    }
    if (slot.min_ < 0.0F) {
      flush_side(kSignBit, slot.negative_);
    }
  }
  first_key_ = LogHistogram::kKeysPerSign;
  last_key_ = 0;
  pending_ = 0;
}

void SlotCounter::flush_side(uint32_t sign, SlotCounts::Window& window) {
  static_assert(kTables == 4);
  const size_t width = last_key_ - first_key_ + 1;
  uint64_t* const counts = window.cover(first_key_, last_key_);
  uint32_t* const t0 = tables_.data() + sign + first_key_;
  uint32_t* const t1 = t0 + kTableStride;
  uint32_t* const t2 = t1 + kTableStride;
  uint32_t* const t3 = t2 + kTableStride;
  for (size_t i = 0; i < width; ++i) {
    counts[i] += t0[i] + t1[i] + t2[i] + t3[i];  // at most kMaxCounted
  }
  for (uint32_t* const table : {t0, t1, t2, t3}) {
    std::fill_n(table, width, 0U);
  }
}

}  // namespace ptq
