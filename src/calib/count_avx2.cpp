#include <array>
#include <limits>

#include "calib/count_kernel_x86.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace ptq {
namespace {

constexpr uint32_t kMagnitude = 0x7FFFFFFFU;
constexpr uint32_t kFirstKept = 1U << LogHistogram::kShift;  // smallest pattern with a key above 0
constexpr size_t kLanes = 8;
constexpr size_t kBatch = 256;  // keys counted at a time

struct alignas(64) KeyQueue {
  std::array<uint32_t, kBatch + 2 * kLanes> keys;
  size_t size = 0;
  uint64_t counted = 0;
};

// Row m: the positions of the bits set in m, in order; moves those lanes to the front.
constexpr std::array<std::array<uint8_t, kLanes>, 256> make_compress_table() {
  std::array<std::array<uint8_t, kLanes>, 256> table{};
  for (size_t mask = 0; mask < table.size(); ++mask) {
    size_t to = 0;
    for (uint8_t lane = 0; lane < kLanes; ++lane) {
      if (((mask >> lane) & 1U) != 0) {
        table[mask][to++] = lane;
      }
    }
  }
  return table;
}
alignas(64) constexpr std::array<std::array<uint8_t, kLanes>, 256> kCompress =
    make_compress_table();

// Each extreme is kept as a minimum: of the value, the negated value, the magnitude of what is not
// zero, and the inverted magnitude.
struct Extremes {
  std::array<float, kLanes> low;
  std::array<float, kLanes> negated_high;
  std::array<uint32_t, kLanes> smallest;
  std::array<uint32_t, kLanes> inverted_largest;
};

template <typename T>
T lowest(const std::array<T, kLanes>& lanes) {
  return *std::min_element(lanes.begin(), lanes.end());
}

// Counts all whole vectors and returns how many values that were.
__attribute__((target("avx2,popcnt"))) size_t count_vectors(std::span<const float> values,
                                                            uint32_t* tables, KeyQueue& queue,
                                                            Extremes& extremes) {
  const auto ones = _mm256_set1_epi32(-1);
  const auto magnitude_mask = _mm256_set1_epi32(static_cast<int>(kMagnitude));
  const auto last_zero = _mm256_set1_epi32(static_cast<int>(kFirstKept - 1));
  const auto sign = _mm256_set1_ps(-0.0F);
  __m256 low = _mm256_set1_ps(std::numeric_limits<float>::infinity());
  __m256 negated_high = low;
  __m256i smallest = ones;
  __m256i inverted_largest = magnitude_mask;
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    const __m256 value = _mm256_loadu_ps(values.data() + i);
    const __m256i bits = _mm256_castps_si256(value);
    const __m256i magnitude = _mm256_and_si256(bits, magnitude_mask);
    const __m256i keep = _mm256_cmpgt_epi32(magnitude, last_zero);
    low = _mm256_min_ps(value, low);
    negated_high = _mm256_min_ps(_mm256_xor_ps(value, sign), negated_high);
    smallest = _mm256_min_epu32(smallest, _mm256_or_si256(magnitude, _mm256_xor_si256(keep, ones)));
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
      x86::count_queue<uint32_t>({queue.keys.data(), kBatch}, tables);
      queue.counted += kBatch;
      queue.size -= kBatch;
      _mm256_store_si256(
          reinterpret_cast<__m256i*>(queue.keys.data()),
          _mm256_load_si256(reinterpret_cast<const __m256i*>(queue.keys.data() + kBatch)));
    }
  }
  _mm256_storeu_ps(extremes.low.data(), low);
  _mm256_storeu_ps(extremes.negated_high.data(), negated_high);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(extremes.smallest.data()), smallest);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(extremes.inverted_largest.data()),
                      inverted_largest);
  return i;
}

}  // namespace

CountResult count_avx2(std::span<const float> values, uint32_t* tables) {
  KeyQueue queue;
  Extremes extremes;
  const size_t done = count_vectors(values, tables, queue, extremes);
  x86::count_queue<uint32_t>({queue.keys.data(), queue.size}, tables);
  CountResult result;
  result.zeros = done - queue.counted - queue.size;
  result.min = lowest(extremes.low);
  result.max = -lowest(extremes.negated_high);
  result.smallest_key = lowest(extremes.smallest) >> LogHistogram::kShift;
  result.largest_key = (lowest(extremes.inverted_largest) ^ kMagnitude) >> LogHistogram::kShift;
  x86::count_rest(values.subspan(done), result, tables);
  return result;
}

}  // namespace ptq
#endif
