#include "calib/count_kernel.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

#include "calib/count_kernel_x86.h"

namespace ptq {
namespace {

// Bits of a float to an integer of the same order, and back (it is its own inverse).
int32_t ordered(int32_t bits) {
  return bits ^ ((bits >> 31) & std::numeric_limits<int32_t>::max());
}

CountResult count_portable(std::span<const float> values, uint32_t* tables) {
  constexpr size_t kPiece = 2048;  // stays in the first-level cache between the two loops
  constexpr auto kMax = std::numeric_limits<int32_t>::max();
  constexpr int32_t kFirstKept = 1 << LogHistogram::kShift;  // smallest pattern with a key above 0
  int32_t low = kMax;
  int32_t high = std::numeric_limits<int32_t>::min();
  int32_t smallest = kMax;
  int32_t largest = 0;
  while (!values.empty()) {
    const std::span<const float> piece = values.first(std::min(kPiece, values.size()));
    values = values.subspan(piece.size());
    for (const float value : piece) {  // signed integers, no branch: the compiler vectorizes it
      const auto bits = std::bit_cast<int32_t>(value);
      const int32_t magnitude = bits & kMax;
      low = std::min(low, ordered(bits));
      high = std::max(high, ordered(bits));
      largest = std::max(largest, magnitude);
      smallest = std::min(smallest, magnitude >= kFirstKept ? magnitude : kMax);
    }
    size_t i = 0;
    const auto key = [&](size_t at) {
      return std::bit_cast<uint32_t>(piece[at]) >> LogHistogram::kShift;
    };
    for (; i + kTables <= piece.size(); i += kTables) {
      ++tables[key(i)];
      ++tables[kTableStride + key(i + 1)];
      ++tables[2 * kTableStride + key(i + 2)];
      ++tables[3 * kTableStride + key(i + 3)];
    }
    for (; i < piece.size(); ++i) {
      ++tables[key(i)];
    }
  }
  CountResult result;
  result.min = std::bit_cast<float>(ordered(low));
  result.max = std::bit_cast<float>(ordered(high));
  result.smallest_key = static_cast<uint32_t>(smallest) >> LogHistogram::kShift;
  result.largest_key = static_cast<uint32_t>(largest) >> LogHistogram::kShift;
  return result;
}

std::vector<CountKernelVersion> find_versions() {
  std::vector<CountKernelVersion> versions = {{"portable", count_portable}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("popcnt") != 0) {
    versions.push_back({"avx2", count_avx2});
    if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
        __builtin_cpu_supports("avx512vbmi2") != 0) {
      versions.push_back({"avx512", count_avx512});
    }
  }
#endif
  return versions;
}

}  // namespace

std::span<const CountKernelVersion> count_kernels() {
  static const std::vector<CountKernelVersion> kVersions = find_versions();
  return kVersions;
}

}  // namespace ptq
