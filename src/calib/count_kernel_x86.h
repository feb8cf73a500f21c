#pragma once
// The versions of the counting loop for x86-64, and what they share. Both move the keys of non-zero
// values to the front of a queue (zeros, often half of all values, then cost next to nothing) and
// count the queue in turns with the vector work: counting takes one cycle a key, as it is bound by
// stores, and leaves room for vector instructions beside it. Any thread.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "calib/count_kernel.h"

namespace ptq {

#if defined(__x86_64__)

// Need AVX2; AVX-512 F, BW and VBMI2; both popcnt.
CountResult count_avx2(std::span<const float> values, uint32_t* tables);
CountResult count_avx512(std::span<const float> values, uint32_t* tables);

namespace x86 {

// `Key` is an unsigned integer of 16 or 32 bits.
template <typename Key>
void count_queue(std::span<const Key> keys, uint32_t* tables) {
  for (; keys.size() >= kTables; keys = keys.subspan(kTables)) {
    ++tables[keys[0]];
    ++tables[kTableStride + keys[1]];
    ++tables[2 * kTableStride + keys[2]];
    ++tables[3 * kTableStride + keys[3]];
  }
  for (const Key key : keys) {
    ++tables[key];
  }
}

// One value at a time, for those behind the last whole vector.
inline void count_rest(std::span<const float> values, CountResult& result, uint32_t* tables) {
  for (const float value : values) {
    const uint32_t key = LogHistogram::magnitude_key(value);
    result.min = std::min(result.min, value);
    result.max = std::max(result.max, value);
    result.largest_key = std::max(result.largest_key, key);
    if (key != 0) {
      result.smallest_key = std::min(result.smallest_key, key);
    }
    ++tables[std::bit_cast<uint32_t>(value) >> LogHistogram::kShift];
  }
}

}  // namespace x86
#endif

}  // namespace ptq
