#include "calib/count_kernel.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <vector>

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
// The intrinsics of g++ 12 read undefined registers in inline code (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#endif

namespace ptq {
namespace {

constexpr uint32_t kMagnitude = 0x7FFFFFFFU;
constexpr uint32_t kFirstKept = 1U << LogHistogram::kShift;  // smallest pattern with a key above 0

// Bits of a float to an integer of the same order, and back (it is its own inverse).
int32_t ordered(int32_t bits) {
  return bits ^ ((bits >> 31) & static_cast<int32_t>(kMagnitude));
}

// One value at a time, for the ends of a vector loop.
void count_one(float value, CountResult& result, uint32_t* tables) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & kMagnitude;
  result.min = std::min(result.min, value);
  result.max = std::max(result.max, value);
  result.largest = std::max(result.largest, magnitude);
  if (magnitude >= kFirstKept) {
    result.smallest = std::min(result.smallest, magnitude);
  }
  ++tables[bits >> LogHistogram::kShift];
}

CountResult count_portable(std::span<const float> values, uint32_t* tables) {
  constexpr size_t kPiece = 2048;  // stays in the first-level cache between the two loops
  constexpr auto kMax = std::numeric_limits<int32_t>::max();
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
      smallest =
          std::min(smallest, magnitude >= static_cast<int32_t>(kFirstKept) ? magnitude : kMax);
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
  result.smallest = static_cast<uint32_t>(smallest);
  result.largest = static_cast<uint32_t>(largest);
  return result;
}

#if defined(__x86_64__)

// The vector versions move the keys of non-zero values to a queue and count them kBatch at a time:
// zeros, often half of all values, then cost next to nothing, and the batch is short enough for the
// processor to overlap the counting, bound by stores, with the vector work that follows.
constexpr size_t kBatch = 256;

struct KeyQueue {
  alignas(64) std::array<uint32_t, kBatch + 32> keys;
  size_t size = 0;
  uint64_t counted = 0;
};

__attribute__((always_inline)) inline void count_batch(const uint32_t* keys, uint32_t* tables) {
  for (size_t i = 0; i < kBatch; i += kTables) {
    ++tables[keys[i]];
    ++tables[kTableStride + keys[i + 1]];
    ++tables[2 * kTableStride + keys[i + 2]];
    ++tables[3 * kTableStride + keys[i + 3]];
  }
}

// Counts what is left in the queue and the values after the last whole vector.
void finish(KeyQueue& queue, std::span<const float> all, size_t done, CountResult& result,
            uint32_t* tables) {
  for (size_t i = 0; i < queue.size; ++i) {
    ++tables[queue.keys[i]];
  }
  queue.counted += queue.size;
  result.zeros = done - queue.counted;
  for (const float value : all.subspan(done)) {
    count_one(value, result, tables);
  }
}

// Row m: the positions of the bits set in m, in order; moves those lanes to the front.
constexpr std::array<std::array<uint8_t, 8>, 256> make_compress_table() {
  std::array<std::array<uint8_t, 8>, 256> table{};
  for (size_t mask = 0; mask < table.size(); ++mask) {
    size_t to = 0;
    for (uint8_t lane = 0; lane < 8; ++lane) {
      if (((mask >> lane) & 1U) != 0) {
        table[mask][to++] = lane;
      }
    }
  }
  return table;
}
alignas(64) constexpr std::array<std::array<uint8_t, 8>, 256> kCompress = make_compress_table();

template <typename T>
T lowest(const std::array<T, 8>& lanes) {
  return *std::min_element(lanes.begin(), lanes.end());
}

__attribute__((target("avx2,popcnt"))) CountResult count_avx2(std::span<const float> values,
                                                              uint32_t* tables) {
  // Each extreme is kept as a minimum: of the value, the negated value, the magnitude of what is
  // not zero, and the inverted magnitude.
  __m256 low = _mm256_set1_ps(std::numeric_limits<float>::infinity());
  __m256 negated_high = low;
  __m256i smallest = _mm256_set1_epi32(-1);
  __m256i inverted_largest = smallest;
  const __m256i magnitude_mask = _mm256_set1_epi32(static_cast<int>(kMagnitude));
  const __m256i last_zero = _mm256_set1_epi32(static_cast<int>(kFirstKept - 1));
  const __m256 sign = _mm256_set1_ps(-0.0F);
  KeyQueue queue;
  size_t i = 0;
  for (; i + 8 <= values.size(); i += 8) {
    const __m256 value = _mm256_loadu_ps(values.data() + i);
    const __m256i bits = _mm256_castps_si256(value);
    const __m256i magnitude = _mm256_and_si256(bits, magnitude_mask);
    const __m256i keep = _mm256_cmpgt_epi32(magnitude, last_zero);
    low = _mm256_min_ps(value, low);
    negated_high = _mm256_min_ps(_mm256_xor_ps(value, sign), negated_high);
    smallest = _mm256_min_epu32(
        smallest, _mm256_or_si256(magnitude, _mm256_xor_si256(keep, _mm256_set1_epi32(-1))));
    inverted_largest =
        _mm256_min_epu32(inverted_largest, _mm256_xor_si256(magnitude, magnitude_mask));
    const auto mask = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(keep)));
    const __m256i order = _mm256_cvtepu8_epi32(
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kCompress[mask].data())));
    const __m256i keys = _mm256_srli_epi32(bits, LogHistogram::kShift);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(queue.keys.data() + queue.size),
                        _mm256_permutevar8x32_epi32(keys, order));
    queue.size += static_cast<size_t>(_mm_popcnt_u32(mask));
    if (queue.size >= kBatch) {
      count_batch(queue.keys.data(), tables);
      queue.counted += kBatch;
      queue.size -= kBatch;
      _mm256_store_si256(
          reinterpret_cast<__m256i*>(queue.keys.data()),
          _mm256_load_si256(reinterpret_cast<const __m256i*>(queue.keys.data() + kBatch)));
    }
  }
  std::array<float, 8> floats;
  std::array<uint32_t, 8> words;
  CountResult result;
  _mm256_storeu_ps(floats.data(), low);
  result.min = lowest(floats);
  _mm256_storeu_ps(floats.data(), negated_high);
  result.max = -lowest(floats);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(words.data()), smallest);
  result.smallest = lowest(words);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(words.data()), inverted_largest);
  result.largest = i == 0 ? 0 : lowest(words) ^ kMagnitude;
  finish(queue, values, i, result, tables);
  return result;
}

__attribute__((target("avx512f,popcnt"))) CountResult count_avx512(std::span<const float> values,
                                                                   uint32_t* tables) {
  __m512 low = _mm512_set1_ps(std::numeric_limits<float>::infinity());
  __m512 high = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
  __m512i smallest = _mm512_set1_epi32(-1);
  __m512i largest = _mm512_setzero_si512();
  const __m512i magnitude_mask = _mm512_set1_epi32(static_cast<int>(kMagnitude));
  const __m512i first_kept = _mm512_set1_epi32(static_cast<int>(kFirstKept));
  KeyQueue queue;
  size_t i = 0;
  for (; i + 16 <= values.size(); i += 16) {
    const __m512 value = _mm512_loadu_ps(values.data() + i);
    const __m512i bits = _mm512_castps_si512(value);
    const __m512i magnitude = _mm512_and_si512(bits, magnitude_mask);
    const __mmask16 keep = _mm512_cmpge_epu32_mask(magnitude, first_kept);
    low = _mm512_min_ps(value, low);
    high = _mm512_max_ps(value, high);
    largest = _mm512_max_epu32(largest, magnitude);
    smallest = _mm512_mask_min_epu32(smallest, keep, smallest, magnitude);
    const __m512i keys = _mm512_srli_epi32(bits, LogHistogram::kShift);
    _mm512_storeu_si512(queue.keys.data() + queue.size, _mm512_maskz_compress_epi32(keep, keys));
    queue.size += static_cast<size_t>(_mm_popcnt_u32(keep));
    if (queue.size >= kBatch) {
      count_batch(queue.keys.data(), tables);
      queue.counted += kBatch;
      queue.size -= kBatch;
      _mm512_store_si512(queue.keys.data(), _mm512_load_si512(queue.keys.data() + kBatch));
    }
  }
  CountResult result;
  result.min = _mm512_reduce_min_ps(low);
  result.max = _mm512_reduce_max_ps(high);
  result.smallest = _mm512_reduce_min_epu32(smallest);
  result.largest = _mm512_reduce_max_epu32(largest);
  finish(queue, values, i, result, tables);
  return result;
}

#endif

std::vector<CountKernelVersion> find_versions() {
  std::vector<CountKernelVersion> versions = {{"portable", count_portable}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("popcnt") != 0) {
    versions.push_back({"avx2", count_avx2});
    if (__builtin_cpu_supports("avx512f") != 0) {
      versions.push_back({"avx512", count_avx512});
    }
  }
#endif
  return versions;
}

}  // namespace

std::span<const CountKernelVersion> count_kernels() {
  static const std::vector<CountKernelVersion> versions = find_versions();
  return versions;
}

}  // namespace ptq
