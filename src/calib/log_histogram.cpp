#include "ptq/log_histogram.h"

#include <algorithm>

#include "ptq/error.h"

namespace ptq {
namespace {

void add_to_side(LogHistogram::Side& side, uint32_t key, uint64_t n) {
  if (side.counts.empty()) {
    side.first_key = key;
    side.counts.push_back(n);
    return;
  }
  if (key < side.first_key) {
    side.counts.insert(side.counts.begin(), side.first_key - key, 0);
    side.first_key = key;
  }
  const size_t position = key - side.first_key;
  if (position >= side.counts.size()) {
    side.counts.resize(position + 1, 0);
  }
  side.counts[position] += n;
}

}  // namespace

void LogHistogram::add(uint32_t key, bool negative, uint64_t n) {
  PTQ_CHECK(key < kNonFiniteKey);
  if (n == 0) {
    return;  // windows begin and end with a count, so that equal data give equal objects
  }
  if (key == 0) {
    zeros_ += n;
    return;
  }
  add_to_side(negative ? negative_ : positive_, key, n);
}

void LogHistogram::add_values(std::span<const float> values) {
  for (const float value : values) {
    const uint32_t key = magnitude_key(value);
    if (key < kNonFiniteKey) {
      add(key, std::bit_cast<uint32_t>(value) >> 31 != 0, 1);
    }
  }
}

void LogHistogram::merge(const LogHistogram& other) {
  zeros_ += other.zeros_;
  for (const bool negative : {false, true}) {
    const Side& side = negative ? other.negative_ : other.positive_;
    for (size_t i = 0; i < side.counts.size(); ++i) {
      add(side.first_key + static_cast<uint32_t>(i), negative, side.counts[i]);
    }
  }
}

uint64_t LogHistogram::total() const {
  uint64_t sum = zeros_;
  for (const Side* side : {&positive_, &negative_}) {
    for (const uint64_t n : side->counts) {
      sum += n;
    }
  }
  return sum;
}

uint64_t LogHistogram::count(uint32_t key, bool negative) const {
  if (key == 0) {
    return zeros_;
  }
  const Side& side = negative ? negative_ : positive_;
  return key < side.first_key || key - side.first_key >= side.counts.size()
             ? 0
             : side.counts[key - side.first_key];
}

std::vector<LogHistogram::Bucket> LogHistogram::buckets(float min, float max) const {
  PTQ_CHECK(min <= max);
  std::vector<Bucket> out;
  const auto push = [&](double lo, double hi, uint64_t n) {
    if (n > 0) {
      const double low = static_cast<double>(min);
      const double high = static_cast<double>(max);
      out.push_back({std::clamp(lo, low, high), std::clamp(hi, low, high), n});
    }
  };
  for (size_t i = negative_.counts.size(); i-- > 0;) {
    const uint32_t key = negative_.first_key + static_cast<uint32_t>(i);
    push(-static_cast<double>(lower_edge(key + 1)), -static_cast<double>(lower_edge(key)),
         negative_.counts[i]);
  }
  if (zeros_ > 0) {
    out.push_back({0.0, 0.0, zeros_});
  }
  for (size_t i = 0; i < positive_.counts.size(); ++i) {
    const uint32_t key = positive_.first_key + static_cast<uint32_t>(i);
    push(lower_edge(key), lower_edge(key + 1), positive_.counts[i]);
  }
  return out;
}

}  // namespace ptq
