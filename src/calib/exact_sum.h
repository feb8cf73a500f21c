#pragma once
// A sum of float64 numbers without rounding: a fixed-point number that covers the whole exponent
// range (a "superaccumulator", Kulisch). The result is a function of the multiset of addends alone,
// so sums over samples are the same bits in any order, partition or number of threads. Used for the
// sums that calibration keeps per channel. Not synchronized: one writer, or many readers.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ptq {

class ExactSum {
 public:
  // Adds one number. NaN and infinity are a broken invariant (Error{kInternal}): the caller leaves
  // them out. −0 adds nothing.
  void add(double x);
  void merge(const ExactSum& other);

  // The sum, rounded to the nearest float64, ties to even; ±infinity beyond its range.
  double value() const;

  // The sum as an integer multiple of 2^−1074:
  //   ± Σ limbs[i] · 2^(32 · (first_limb + i) − 1074)
  // with no zero limb at either end, hence one form for each sum. Zero: no limbs, first_limb 0,
  // not negative.
  struct Canonical {
    bool negative = false;
    uint32_t first_limb = 0;
    std::vector<uint32_t> limbs;
    bool operator==(const Canonical&) const = default;
  };
  Canonical canonical() const;

  // Limbs that sums of up to 2^64 finite numbers need: the bits −1074 … 1023, and 64 above them.
  static constexpr size_t kMaxLimbs = (1074 + 1024 + 64 + 31) / 32;
  // True when `form` is what canonical() can give for up to 2^64 addends; for readers of files.
  static bool is_canonical(const Canonical& form);
  // The inverse of canonical(). `form` must satisfy is_canonical.
  static ExactSum from_canonical(const Canonical& form);

  // The form that files hold; equal sums have equal bytes. One byte with twice the number of limbs,
  // plus 1 when negative; then, if there are limbs, one byte first_limb and four bytes a limb,
  // little endian, lowest first.
  void append_bytes(std::string& out) const;
  // Takes one such form from the front of `bytes`; nothing, and `bytes` as they were, when they do
  // not begin with one.
  static std::optional<ExactSum> take_bytes(std::string_view& bytes);

  // Equal sums, however they came about.
  bool operator==(const ExactSum& other) const;

 private:
  void add_shifted(uint64_t magnitude, bool negative, uint32_t shift);
  int64_t* cover(size_t first, size_t last);
  void normalize();

  // value = Σ chunks_[i] · 2^(32 · (first_ + i) − 1074). After normalize() all chunks have the same
  // sign and a magnitude below 2^32, and those at both ends are not zero.
  size_t first_ = 0;
  std::vector<int64_t> chunks_;
  uint32_t pending_ = 0;  // additions since the last normalize()
};

}  // namespace ptq
