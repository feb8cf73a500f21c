#pragma once
// The inner loop of calibration: counts the histogram keys of float32 values in small tables and
// finds their exact extremes in the same pass. One version for each instruction set, the best
// chosen at run time; all give the same result. Used by SlotCounter. Pure apart from the tables;
// any thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "ptq/log_histogram.h"

namespace ptq {

// A signed key is the pattern of the value shifted right by LogHistogram::kShift: the magnitude
// key, and the sign in bit 13.
inline constexpr uint32_t kSignBit = LogHistogram::kKeysPerSign;
inline constexpr size_t kSignedKeys = size_t{2} * LogHistogram::kKeysPerSign;

// Four tables taken in turn, so that equal neighbours do not wait for each other. The stride keeps
// counters of one key in different sets of the first-level cache.
inline constexpr size_t kTables = 4;
inline constexpr size_t kTableStride = kSignedKeys + 256;

// At most so many values a call, so that no 32-bit counter overflows.
inline constexpr size_t kMaxCounted = size_t{1} << 31;

struct CountResult {
  uint64_t zeros = 0;         // values with magnitude key 0 that are not in the tables
  uint32_t smallest_key = 0;  // smallest magnitude key but 0; kKeysPerSign − 1 or more without one
  uint32_t largest_key = 0;   // from LogHistogram::kNonFiniteKey on there is an Inf or a NaN
  float min = 0.0F;           // void when there is an Inf or a NaN; −0 or +0 for zero
  float max = 0.0F;
};

// Adds the signed key of each of 1 … kMaxCounted values to one of the tables
// (uint32[kTables][kTableStride]); Inf and NaN too.
using CountKernel = CountResult (*)(std::span<const float> values, uint32_t* tables);

struct CountKernelVersion {
  std::string_view name;  // "portable", "avx2", "avx512"
  CountKernel function;
};

// The versions that this processor runs, best last.
std::span<const CountKernelVersion> count_kernels();

}  // namespace ptq
