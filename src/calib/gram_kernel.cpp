#include "calib/gram_kernel.h"

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

// Calls `step(a, b, pairs)` with as many pairs as 32-bit sums can take.
template <typename Step>
__attribute__((always_inline)) inline void in_steps(const uint32_t* a, const uint32_t* b,
                                                    size_t pairs, Step step) {
  while (pairs > 0) {
    const size_t part = std::min(pairs, kPairsInt32);
    step(a, b, part);
    a += part * kGramBlock;
    b += part * kGramBlock;
    pairs -= part;
  }
}

int32_t low_code(uint32_t pair) {
  return static_cast<int16_t>(pair & 0xFFFFU);
}
int32_t high_code(uint32_t pair) {
  return static_cast<int16_t>(pair >> 16);
}

constexpr int32_t kMagnitude = std::numeric_limits<int32_t>::max();

int32_t code_values_portable(const float* values, const float* scales, size_t count, int16_t* out) {
  // 1.5 · 2^23: added to a number below 2^22 in magnitude it rounds that to an integer (half to
  // even), whose low 16 bits are then those of the sum's pattern.
  constexpr float kRounder = 12582912.0F;
  int32_t largest = 0;
  for (size_t i = 0; i < count; ++i) {
    const float scaled = values[i] * scales[i];
    const int32_t mask = scales[i] == 0.0F ? 0 : kMagnitude;
    const auto rounded = std::bit_cast<int32_t>(scaled + kRounder);
    out[i] = static_cast<int16_t>(static_cast<uint16_t>(rounded & mask));
    largest = std::max(largest, std::bit_cast<int32_t>(scaled) & mask);
  }
  return largest;
}

void add_tile_portable(const uint32_t* all_a, const uint32_t* all_b, size_t all_pairs,
                       int64_t* sums) {
  in_steps(all_a, all_b, all_pairs, [&](const uint32_t* a, const uint32_t* b, size_t pairs) {
    std::array<int32_t, kGramBlock * kGramBlock> part{};
    for (size_t p = 0; p < pairs; ++p) {
      std::array<int32_t, kGramBlock> low;
      std::array<int32_t, kGramBlock> high;
      for (size_t j = 0; j < kGramBlock; ++j) {
        low[j] = low_code(b[p * kGramBlock + j]);
        high[j] = high_code(b[p * kGramBlock + j]);
      }
      for (size_t i = 0; i < kGramBlock; ++i) {
        const int32_t first = low_code(a[p * kGramBlock + i]);
        const int32_t second = high_code(a[p * kGramBlock + i]);
        for (size_t j = 0; j < kGramBlock; ++j) {
          part[i * kGramBlock + j] += first * low[j] + second * high[j];
        }
      }
    }
    for (size_t k = 0; k < part.size(); ++k) {
      sums[k] += part[k];
    }
  });
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) int32_t code_values_avx2(const float* values, const float* scales,
                                                         size_t count, int16_t* out) {
  __m256i largest = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 scale = _mm256_loadu_ps(scales + i);
    const __m256i keep =
        _mm256_castps_si256(_mm256_cmp_ps(scale, _mm256_setzero_ps(), _CMP_NEQ_OQ));
    const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(values + i), scale);
    const __m256i magnitude =
        _mm256_and_si256(_mm256_castps_si256(scaled), _mm256_srli_epi32(keep, 1));
    largest = _mm256_max_epi32(largest, magnitude);
    const __m256i codes = _mm256_and_si256(_mm256_cvtps_epi32(scaled), keep);
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(out + i),
        _mm_packs_epi32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1)));
  }
  __m128i four =
      _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0b01001110));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0b10110001));
  const int32_t rest = code_values_portable(values + i, scales + i, count - i, out + i);
  return std::max(rest, _mm_cvtsi128_si32(four));
}

__attribute__((target("avx2"), always_inline)) inline void widen_and_add(__m256i part,
                                                                         int64_t* sums) {
  auto* const low = reinterpret_cast<__m256i*>(sums);
  auto* const high = reinterpret_cast<__m256i*>(sums + 4);
  _mm256_storeu_si256(low, _mm256_add_epi64(_mm256_loadu_si256(low),
                                            _mm256_cvtepi32_epi64(_mm256_castsi256_si128(part))));
  _mm256_storeu_si256(high,
                      _mm256_add_epi64(_mm256_loadu_si256(high),
                                       _mm256_cvtepi32_epi64(_mm256_extracti128_si256(part, 1))));
}

// Four rows of the tile at a time: 8 sums, 2 vectors of b and a broadcast fill the 16 registers.
__attribute__((target("avx2"))) void add_step_avx2(const uint32_t* a, const uint32_t* b,
                                                   size_t pairs, int64_t* sums) {
  constexpr size_t kRows = 4;
  for (size_t first = 0; first < kGramBlock; first += kRows) {
    __m256i left[kRows] = {};
    __m256i right[kRows] = {};
    for (size_t p = 0; p < pairs; ++p) {
      const auto* const row = reinterpret_cast<const __m256i*>(b + p * kGramBlock);
      const __m256i b_left = _mm256_loadu_si256(row);
      const __m256i b_right = _mm256_loadu_si256(row + 1);
#pragma GCC unroll 4
      for (size_t i = 0; i < kRows; ++i) {
        const __m256i a_row = _mm256_set1_epi32(static_cast<int>(a[p * kGramBlock + first + i]));
        left[i] = _mm256_add_epi32(left[i], _mm256_madd_epi16(a_row, b_left));
        right[i] = _mm256_add_epi32(right[i], _mm256_madd_epi16(a_row, b_right));
      }
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < kRows; ++i) {
      widen_and_add(left[i], sums + (first + i) * kGramBlock);
      widen_and_add(right[i], sums + (first + i) * kGramBlock + 8);
    }
  }
}

void add_tile_avx2(const uint32_t* a, const uint32_t* b, size_t pairs, int64_t* sums) {
  in_steps(a, b, pairs, [&](const uint32_t* a_part, const uint32_t* b_part, size_t part) {
    add_step_avx2(a_part, b_part, part, sums);
  });
}

// The whole tile in 16 registers.
__attribute__((target("avx512f,avx512vnni"))) void add_step_avx512(const uint32_t* a,
                                                                   const uint32_t* b, size_t pairs,
                                                                   int64_t* sums) {
  __m512i part[kGramBlock] = {};
  for (size_t p = 0; p < pairs; ++p) {
    const __m512i b_row = _mm512_loadu_si512(b + p * kGramBlock);
#pragma GCC unroll 16
    for (size_t i = 0; i < kGramBlock; ++i) {
      const __m512i a_row = _mm512_set1_epi32(static_cast<int>(a[p * kGramBlock + i]));
      part[i] = _mm512_dpwssd_epi32(part[i], a_row, b_row);
    }
  }
#pragma GCC unroll 16
  for (size_t i = 0; i < kGramBlock; ++i) {
    int64_t* const to = sums + i * kGramBlock;
    const __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(part[i]));
    const __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(part[i], 1));
    _mm512_storeu_si512(to, _mm512_add_epi64(_mm512_loadu_si512(to), low));
    _mm512_storeu_si512(to + 8, _mm512_add_epi64(_mm512_loadu_si512(to + 8), high));
  }
}

void add_tile_avx512(const uint32_t* a, const uint32_t* b, size_t pairs, int64_t* sums) {
  in_steps(a, b, pairs, [&](const uint32_t* a_part, const uint32_t* b_part, size_t part) {
    add_step_avx512(a_part, b_part, part, sums);
  });
}

#endif

}  // namespace

std::span<const GramKernel> gram_kernels() {
  static const std::vector<GramKernel> kVersions = [] {
    std::vector<GramKernel> versions = {{"portable", code_values_portable, add_tile_portable}};
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") != 0) {
      versions.push_back({"avx2", code_values_avx2, add_tile_avx2});
      if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vnni") != 0) {
        versions.push_back({"avx512vnni", code_values_avx2, add_tile_avx512});
      }
    }
#endif
    return versions;
  }();
  return kVersions;
}

}  // namespace ptq
