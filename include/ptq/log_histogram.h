#pragma once
// Counts of float32 values in buckets that are logarithmic in the value: the bucket of x is the top
// 14 bits of its pattern (sign, 8 exponent bits, 5 mantissa bits), which gives 32 buckets an
// octave, each about 3 % wide. Counts are exact and adding is commutative, so the result does not
// depend on order, batch size, number of threads or shards. The idea of a logarithmic mapping with
// mergeable counts is that of DDSketch (Masson, Rim, Lee 2019). Not synchronized: one writer, or
// many readers.

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace ptq {

class LogHistogram {
 public:
  static constexpr int kShift = 18;
  static constexpr uint32_t kKeysPerSign = 1U << 13;     // keys of |x|: 0 … 8191
  static constexpr uint32_t kNonFiniteKey = 0xFFU << 5;  // keys of |x| from here are Inf and NaN

  // Key of |x|, 0 … kKeysPerSign − 1. Key 0 holds zero and |x| < 2^−131.
  static uint32_t magnitude_key(float x) {
    return (std::bit_cast<uint32_t>(x) & 0x7FFFFFFFU) >> kShift;
  }
  // Lower edge (inclusive) of the bucket in |x|; the upper edge is that of key + 1.
  static float lower_edge(uint32_t key) { return std::bit_cast<float>(key << kShift); }

  // Adds `n` values whose magnitude has `key` and whose sign is given. Key 0 ignores the sign.
  void add(uint32_t key, bool negative, uint64_t n);
  // Adds each finite value; NaN and Inf are left out.
  void add_values(std::span<const float> values);
  void merge(const LogHistogram& other);

  uint64_t zeros() const { return zeros_; }  // values in key 0
  uint64_t total() const;                    // all finite values, zeros included
  uint64_t count(uint32_t key, bool negative) const;

  // One side: counts[i] belongs to magnitude key first_key + i; no leading or trailing zero counts.
  struct Side {
    uint32_t first_key = 0;
    std::vector<uint64_t> counts;
    bool operator==(const Side&) const = default;
  };
  const Side& positive() const { return positive_; }
  const Side& negative() const { return negative_; }

  // A bucket in real numbers, lo ≤ hi; they are equal for the zero bucket (0, 0) and where cutting
  // leaves one number.
  struct Bucket {
    double lo = 0.0;
    double hi = 0.0;
    uint64_t count = 0;
  };
  // The non-empty buckets in ascending order of value, edges cut to [min, max] (the exact extremes
  // of the same data, min ≤ max), which sharpens the outermost buckets.
  std::vector<Bucket> buckets(float min, float max) const;

  bool operator==(const LogHistogram&) const = default;

 private:
  uint64_t zeros_ = 0;
  Side positive_;
  Side negative_;
};

}  // namespace ptq
