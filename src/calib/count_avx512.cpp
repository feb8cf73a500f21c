#include <array>
#include <limits>
#include <utility>

#include "calib/count_kernel_x86.h"

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
// The intrinsics of g++ 12 read undefined registers in inline code (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#define PTQ_AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi2,popcnt")))

namespace ptq {
namespace {

constexpr size_t kLanes = 32;    // values packed at a time, as 16-bit keys in one register
constexpr size_t kVectors = 32;  // of so many values in a chunk
constexpr size_t kChunk = kVectors * kLanes;

struct Extremes {
  __m512 low;
  __m512 high;
  __m512i smallest_key;  // 16-bit lanes
  __m512i largest_key;
};

struct alignas(64) KeyQueue {
  std::array<uint16_t, kChunk + kLanes> keys;
  size_t size = 0;
};

// kLanes values to the queue. Their order there is another, which does not matter.
PTQ_AVX512 inline void pack(const float* values, KeyQueue& queue, size_t& size,
                            Extremes& extremes) {
  const __m512 first = _mm512_loadu_ps(values);
  const __m512 second = _mm512_loadu_ps(values + kLanes / 2);
  extremes.low = _mm512_min_ps(first, _mm512_min_ps(second, extremes.low));
  extremes.high = _mm512_max_ps(first, _mm512_max_ps(second, extremes.high));
  const __m512i keys =
      _mm512_packus_epi32(_mm512_srli_epi32(_mm512_castps_si512(first), LogHistogram::kShift),
                          _mm512_srli_epi32(_mm512_castps_si512(second), LogHistogram::kShift));
  const __m512i magnitude_keys =
      _mm512_and_si512(keys, _mm512_set1_epi16(static_cast<int16_t>(kSignBit - 1)));
  const __mmask32 keep = _mm512_test_epi16_mask(magnitude_keys, magnitude_keys);
  extremes.largest_key = _mm512_max_epu16(extremes.largest_key, magnitude_keys);
  extremes.smallest_key =
      _mm512_mask_min_epu16(extremes.smallest_key, keep, extremes.smallest_key, magnitude_keys);
  _mm512_storeu_si512(queue.keys.data() + size, _mm512_maskz_compress_epi16(keep, keys));
  size += static_cast<size_t>(_mm_popcnt_u32(keep));
}

PTQ_AVX512 void pack_vectors(const float* values, size_t vectors, KeyQueue& queue,
                             Extremes& extremes) {
  Extremes local = extremes;
  size_t size = 0;
  for (size_t i = 0; i < vectors; ++i) {
    pack(values + i * kLanes, queue, size, local);
  }
  queue.size = size;
  extremes = local;
}

// Unrolled, whatever the compiler thinks of it.
template <size_t... kIndex>
inline void count_some(const uint16_t* keys, uint32_t* tables,
                       std::index_sequence<kIndex...> /*unused*/) {
  (++tables[kIndex % kTables * kTableStride + keys[kIndex]], ...);
}

// Packs the chunk at `values` into `next` and counts kVectors · kKeys keys of `current` in turns.
template <size_t kKeys>
PTQ_AVX512 void pack_and_count(const float* values, const KeyQueue& current, KeyQueue& next,
                               Extremes& extremes, uint32_t* tables) {
  Extremes local = extremes;
  size_t size = 0;
  const uint16_t* keys = current.keys.data();
  for (size_t i = 0; i < kVectors; ++i, keys += kKeys) {
    pack(values + i * kLanes, next, size, local);
    count_some(keys, tables, std::make_index_sequence<kKeys>());
  }
  next.size = size;
  extremes = local;
}

using Step = void (*)(const float*, const KeyQueue&, KeyQueue&, Extremes&, uint32_t*);
constexpr size_t kStepWidth = 2;  // keys a vector, from one step to the next
template <size_t... kIndex>
constexpr std::array<Step, sizeof...(kIndex)> make_steps(
    std::index_sequence<kIndex...> /*unused*/) {
  return {pack_and_count<kIndex * kStepWidth>...};
}
constexpr auto kSteps = make_steps(std::make_index_sequence<kLanes / kStepWidth + 1>());

// Fills the queue up to what the step for it counts, with a key that stands behind those of a
// table. Returns the step.
PTQ_AVX512 Step pad(KeyQueue& queue) {
  constexpr size_t kStepKeys = kVectors * kStepWidth;
  const size_t step = (queue.size + kStepKeys - 1) / kStepKeys;
  for (size_t i = queue.size; i < step * kStepKeys; i += kLanes) {
    _mm512_storeu_si512(queue.keys.data() + i,
                        _mm512_set1_epi16(static_cast<int16_t>(kSignedKeys)));
  }
  return kSteps[step];
}

PTQ_AVX512 CountResult reduce(const Extremes& extremes) {
  CountResult result;
  result.min = _mm512_reduce_min_ps(extremes.low);
  result.max = _mm512_reduce_max_ps(extremes.high);
  std::array<uint16_t, kLanes> keys;
  _mm512_storeu_si512(keys.data(), extremes.smallest_key);
  result.smallest_key = *std::min_element(keys.begin(), keys.end());
  _mm512_storeu_si512(keys.data(), extremes.largest_key);
  result.largest_key = *std::max_element(keys.begin(), keys.end());
  return result;
}

PTQ_AVX512 Extremes no_extremes() {
  return {_mm512_set1_ps(std::numeric_limits<float>::infinity()),
          _mm512_set1_ps(-std::numeric_limits<float>::infinity()), _mm512_set1_epi32(-1),
          _mm512_setzero_si512()};
}

}  // namespace

PTQ_AVX512 CountResult count_avx512(std::span<const float> values, uint32_t* tables) {
  std::array<KeyQueue, 2> queues;
  Extremes extremes = no_extremes();
  size_t done = 0;
  uint64_t kept = 0;
  size_t current = 0;
  for (; done + kChunk <= values.size(); done += kChunk, current ^= 1) {
    const Step step = pad(queues[current]);
    step(values.data() + done, queues[current], queues[current ^ 1], extremes, tables);
    kept += queues[current ^ 1].size;
  }
  x86::count_queue<uint16_t>({queues[current].keys.data(), queues[current].size}, tables);
  const size_t vectors = (values.size() - done) / kLanes;
  pack_vectors(values.data() + done, vectors, queues[current], extremes);
  x86::count_queue<uint16_t>({queues[current].keys.data(), queues[current].size}, tables);
  kept += queues[current].size;
  done += vectors * kLanes;
  CountResult result = reduce(extremes);
  result.zeros = done - kept;
  x86::count_rest(values.subspan(done), result, tables);
  return result;
}

}  // namespace ptq
#endif
