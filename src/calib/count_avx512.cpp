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

#define PTQ_AVX512 __attribute__((target("avx512f,popcnt")))

namespace ptq {
namespace {

constexpr size_t kLanes = 16;
constexpr size_t kVectors = 64;  // of a chunk
constexpr size_t kChunk = kVectors * kLanes;

struct Extremes {
  __m512 low;
  __m512 high;
  __m512i smallest;
  __m512i largest;
};

struct alignas(64) KeyQueue {
  std::array<uint32_t, kChunk + kLanes> keys;
  size_t size = 0;
};

// One vector of values to the queue.
PTQ_AVX512 inline void pack(const float* values, KeyQueue& queue, size_t& size,
                            Extremes& extremes) {
  const __m512 value = _mm512_loadu_ps(values);
  const __m512i bits = _mm512_castps_si512(value);
  const __m512i magnitude =
      _mm512_and_si512(bits, _mm512_set1_epi32(static_cast<int>(x86::kMagnitude)));
  const __mmask16 keep =
      _mm512_cmpge_epu32_mask(magnitude, _mm512_set1_epi32(static_cast<int>(x86::kFirstKept)));
  extremes.low = _mm512_min_ps(value, extremes.low);
  extremes.high = _mm512_max_ps(value, extremes.high);
  extremes.largest = _mm512_max_epu32(extremes.largest, magnitude);
  extremes.smallest = _mm512_mask_min_epu32(extremes.smallest, keep, extremes.smallest, magnitude);
  _mm512_storeu_si512(
      queue.keys.data() + size,
      _mm512_maskz_compress_epi32(keep, _mm512_srli_epi32(bits, LogHistogram::kShift)));
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

// Packs the chunk at `values` into `next` and counts kVectors · kKeys keys of `current` in turns.
template <size_t kKeys>
PTQ_AVX512 void pack_and_count(const float* values, const KeyQueue& current, KeyQueue& next,
                               Extremes& extremes, uint32_t* tables) {
  Extremes local = extremes;
  size_t size = 0;
  const uint32_t* keys = current.keys.data();
  for (size_t i = 0; i < kVectors; ++i, keys += kKeys) {
    pack(values + i * kLanes, next, size, local);
    for (size_t k = 0; k < kKeys; ++k) {
      ++tables[k % kTables * kTableStride + keys[k]];
    }
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
    _mm512_storeu_si512(queue.keys.data() + i, _mm512_set1_epi32(static_cast<int>(kSignedKeys)));
  }
  return kSteps[step];
}

PTQ_AVX512 CountResult reduce(const Extremes& extremes) {
  CountResult result;
  result.min = _mm512_reduce_min_ps(extremes.low);
  result.max = _mm512_reduce_max_ps(extremes.high);
  result.smallest = _mm512_reduce_min_epu32(extremes.smallest);
  result.largest = _mm512_reduce_max_epu32(extremes.largest);
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
  x86::count_queue({queues[current].keys.data(), queues[current].size}, tables);
  const size_t vectors = (values.size() - done) / kLanes;
  pack_vectors(values.data() + done, vectors, queues[current], extremes);
  x86::count_queue({queues[current].keys.data(), queues[current].size}, tables);
  kept += queues[current].size;
  done += vectors * kLanes;
  CountResult result = reduce(extremes);
  result.zeros = done - kept;
  x86::count_rest(values.subspan(done), result, tables);
  return result;
}

}  // namespace ptq
#endif
