#include "calib/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr int kLimbBits = 32;
constexpr int64_t kLimbMask = 0xFFFFFFFF;
constexpr int kLowestExponent = -1074;  // of the smallest denormal number
constexpr int kMantissaBits = 53;

// A normalized chunk is below 2^32 in magnitude and each addition changes a chunk by less than
// 2^32, so after kMaxPending of them, and with a carry from below, it is still far below 2^63.
constexpr uint32_t kMaxPending = uint32_t{1} << 30;
static_assert(uint64_t{kMaxPending} + 2 < uint64_t{1} << (63 - kLimbBits));

// Moves what exceeds 32 bits of each chunk into the next one; afterwards all but the last are in
// [0, 2^32).
void carry(std::vector<int64_t>& chunks) {
  int64_t above = 0;
  for (int64_t& chunk : chunks) {
    const int64_t sum = chunk + above;
    above = sum >> kLimbBits;  // rounds down, so that the rest is not negative
    chunk = sum & kLimbMask;
  }
  if (above != 0) {
    chunks.push_back(above);
  }
}

void negate(std::vector<int64_t>& chunks) {
  for (int64_t& chunk : chunks) {
    chunk = -chunk;
  }
}

}  // namespace

// Makes chunks_ reach from `first` to `last` and returns where `first` is.
int64_t* ExactSum::cover(size_t first, size_t last) {
  if (chunks_.empty()) {
    first_ = first;
  }
  if (first < first_) {
    chunks_.insert(chunks_.begin(), first_ - first, 0);
    first_ = first;
  }
  if (last - first_ >= chunks_.size()) {
    chunks_.resize(last - first_ + 1);
  }
  return chunks_.data() + (first - first_);
}

// Adds ± magnitude · 2^(shift − 1074), magnitude below 2^53.
void ExactSum::add_shifted(uint64_t magnitude, bool negative, uint32_t shift) {
  const uint32_t bits = shift % kLimbBits;
  const size_t first = shift / kLimbBits;
  const uint64_t low = magnitude << bits;  // what falls out at the top is in `high`
  const uint64_t high = bits == 0 ? 0 : magnitude >> (64 - bits);
  const bool is_wide = high != 0;  // seldom: saves the third chunk
  int64_t* const chunks = cover(first, first + (is_wide ? 2 : 1));
  const int64_t sign = negative ? -1 : 1;
  chunks[0] += sign * static_cast<int64_t>(low & static_cast<uint64_t>(kLimbMask));
  chunks[1] += sign * static_cast<int64_t>(low >> kLimbBits);
  if (is_wide) {
    chunks[2] += sign * static_cast<int64_t>(high);
  }
  if (++pending_ == kMaxPending) {
    normalize();
  }
}

void ExactSum::add(double x) {
  PTQ_CHECK(std::isfinite(x));
  const auto bits = std::bit_cast<uint64_t>(x);
  const uint64_t fraction = bits & ((uint64_t{1} << (kMantissaBits - 1)) - 1);
  const auto exponent = static_cast<uint32_t>((bits >> (kMantissaBits - 1)) & 0x7FF);
  const bool negative = (bits >> 63) != 0;
  if (exponent != 0) {
    add_shifted(fraction | (uint64_t{1} << (kMantissaBits - 1)), negative, exponent - 1);
  } else if (fraction != 0) {
    add_shifted(fraction, negative, 0);
  }
}

void ExactSum::normalize() {
  pending_ = 0;
  carry(chunks_);
  if (!chunks_.empty() && chunks_.back() < 0) {
    negate(chunks_);
    carry(chunks_);
    negate(chunks_);
  }
  while (!chunks_.empty() && chunks_.back() == 0) {
    chunks_.pop_back();
  }
  const auto first =
      std::find_if(chunks_.begin(), chunks_.end(), [](int64_t chunk) { return chunk != 0; });
  first_ = chunks_.empty() ? 0 : first_ + static_cast<size_t>(first - chunks_.begin());
  chunks_.erase(chunks_.begin(), first);
}

void ExactSum::merge(const ExactSum& other) {
  ExactSum addend = other;  // a copy: `other` may be this object
  addend.normalize();
  if (addend.chunks_.empty()) {
    return;
  }
  normalize();
  int64_t* const chunks = cover(addend.first_, addend.first_ + addend.chunks_.size() - 1);
  for (size_t i = 0; i < addend.chunks_.size(); ++i) {
    chunks[i] += addend.chunks_[i];
  }
  normalize();
}

ExactSum::Canonical ExactSum::canonical() const {
  ExactSum sum = *this;
  sum.normalize();
  Canonical form;
  form.negative = !sum.chunks_.empty() && sum.chunks_.back() < 0;
  form.first_limb = static_cast<uint32_t>(sum.first_);
  form.limbs.reserve(sum.chunks_.size());
  for (const int64_t chunk : sum.chunks_) {
    form.limbs.push_back(static_cast<uint32_t>(form.negative ? -chunk : chunk));
  }
  return form;
}

bool ExactSum::is_canonical(const Canonical& form) {
  if (form.limbs.empty()) {
    return !form.negative && form.first_limb == 0;
  }
  return form.limbs.front() != 0 && form.limbs.back() != 0 && form.first_limb < kMaxLimbs &&
         form.limbs.size() <= kMaxLimbs - form.first_limb;
}

ExactSum ExactSum::from_canonical(const Canonical& form) {
  PTQ_CHECK(is_canonical(form));
  ExactSum sum;
  sum.first_ = form.first_limb;
  for (const uint32_t limb : form.limbs) {
    sum.chunks_.push_back(form.negative ? -static_cast<int64_t>(limb) : static_cast<int64_t>(limb));
  }
  return sum;
}

void ExactSum::append_bytes(std::string& out) const {
  const Canonical form = canonical();
  const size_t size = form.limbs.size();
  PTQ_CHECK(size <= kMaxLimbs);  // else more than 2^64 numbers were added
  out += static_cast<char>(2 * size + (form.negative ? 1 : 0));
  if (size != 0) {
    out += static_cast<char>(form.first_limb);
  }
  for (const uint32_t limb : form.limbs) {
    for (int shift = 0; shift < kLimbBits; shift += 8) {
      out += static_cast<char>((limb >> shift) & 0xFF);
    }
  }
}

std::optional<ExactSum> ExactSum::take_bytes(std::string_view& bytes) {
  const auto byte = [&](size_t at) {
    return static_cast<uint32_t>(static_cast<uint8_t>(bytes[at]));
  };
  if (bytes.empty()) {
    return std::nullopt;
  }
  Canonical form;
  form.negative = (byte(0) & 1) != 0;
  const size_t limbs = byte(0) / 2;
  const size_t size = limbs == 0 ? 1 : 2 + 4 * limbs;
  if (bytes.size() < size) {
    return std::nullopt;
  }
  form.first_limb = limbs == 0 ? 0 : byte(1);
  for (size_t at = 2; at < size; at += 4) {
    form.limbs.push_back(byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24);
  }
  if (!is_canonical(form)) {
    return std::nullopt;
  }
  bytes.remove_prefix(size);
  return from_canonical(form);
}

double ExactSum::value() const {
  const Canonical form = canonical();
  const size_t size = form.limbs.size();
  if (size == 0) {
    return 0.0;
  }
  const auto bit_width = static_cast<int>(size) * kLimbBits - std::countl_zero(form.limbs.back());
  const int dropped = std::max(0, bit_width - kMantissaBits);  // low bits that have no place
  uint64_t kept = 0;                                           // the bits above those
  for (size_t i = static_cast<size_t>(dropped / kLimbBits); i < size; ++i) {
    const int position = static_cast<int>(i) * kLimbBits - dropped;
    kept |=
        position < 0 ? uint64_t{form.limbs[i]} >> -position : uint64_t{form.limbs[i]} << position;
  }
  if (dropped > 0) {
    const auto bit = static_cast<size_t>(dropped - 1);
    const uint32_t half = uint32_t{1} << (bit % kLimbBits);
    const uint32_t limb = form.limbs[bit / kLimbBits];
    // Below the half bit there is something: the lowest limb is never zero.
    const bool more = (limb & (half - 1)) != 0 || bit / kLimbBits > 0;
    if ((limb & half) != 0 && (more || (kept & 1) != 0)) {
      ++kept;  // may become 2^53, which is a float64 as well
    }
  }
  const int exponent = static_cast<int>(form.first_limb) * kLimbBits + dropped + kLowestExponent;
  // Exact, as `kept` has at most 53 bits and, where denormal, no bit below 2^−1074; or infinity.
  const double magnitude = std::ldexp(static_cast<double>(kept), exponent);
  return form.negative ? -magnitude : magnitude;
}

bool ExactSum::operator==(const ExactSum& other) const {
  return canonical() == other.canonical();
}

}  // namespace ptq
