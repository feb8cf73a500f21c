#include "calib/lane_kernel.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ptq {
namespace {

void add_lanes_portable(const float* values, size_t rows, size_t stride, size_t lanes,
                        LaneSums& sums) {
  for (size_t row = 0; row < rows; ++row) {
    const float* const x = values + row * stride;
    for (size_t lane = 0; lane < lanes; ++lane) {
      sums.sum[lane] += static_cast<double>(x[lane]);
      sums.abs_sum[lane] += static_cast<double>(std::fabs(x[lane]));
      sums.min[lane] = std::min(sums.min[lane], x[lane]);
      sums.max[lane] = std::max(sums.max[lane], x[lane]);
    }
  }
}

template <typename T, typename Combine>
T folded(std::array<T, kLanes> lanes, Combine combine) {
  for (size_t width = kLanes / 2; width > 0; width /= 2) {
    for (size_t lane = 0; lane < width; ++lane) {
      lanes[lane] = combine(lanes[lane], lanes[lane + width]);
    }
  }
  return lanes[0];
}

// Inlined, so that each version has it in its own instruction set.
__attribute__((always_inline)) inline void add_last(const float* values, size_t count,
                                                    RunSums& sums) {
  for (size_t i = 0; i < count; ++i) {
    sums.sum += static_cast<double>(values[i]);
    sums.abs_sum += static_cast<double>(std::fabs(values[i]));
    sums.min = std::min(sums.min, values[i]);
    sums.max = std::max(sums.max, values[i]);
  }
}

RunSums sum_run_portable(const float* values, size_t count) {
  const size_t rows = count / kLanes;
  const size_t eight = count / 8 % 2;  // eight more values behind whole rows
  LaneSums lanes;
  add_lanes_portable(values, rows, kLanes, kLanes, lanes);
  add_lanes_portable(values + rows * kLanes, eight, kLanes, 8, lanes);
  RunSums out;
  out.sum = folded(lanes.sum, std::plus<>());
  out.abs_sum = folded(lanes.abs_sum, std::plus<>());
  out.min = *std::min_element(lanes.min.begin(), lanes.min.end());
  out.max = *std::max_element(lanes.max.begin(), lanes.max.end());
  add_last(values + count / 8 * 8, count % 8, out);
  return out;
}

#if defined(__x86_64__)
// Eight lanes in registers.
struct Lanes8 {
  __m256d sum_low, sum_high, abs_low, abs_high;
  __m256 min, max;
};

__attribute__((target("avx2"), always_inline)) inline Lanes8 load(const LaneSums& sums,
                                                                  size_t lane) {
  return {
      _mm256_loadu_pd(sums.sum.data() + lane),     _mm256_loadu_pd(sums.sum.data() + lane + 4),
      _mm256_loadu_pd(sums.abs_sum.data() + lane), _mm256_loadu_pd(sums.abs_sum.data() + lane + 4),
      _mm256_loadu_ps(sums.min.data() + lane),     _mm256_loadu_ps(sums.max.data() + lane)};
}

__attribute__((target("avx2"), always_inline)) inline void store(const Lanes8& from, LaneSums& sums,
                                                                 size_t lane) {
  _mm256_storeu_pd(sums.sum.data() + lane, from.sum_low);
  _mm256_storeu_pd(sums.sum.data() + lane + 4, from.sum_high);
  _mm256_storeu_pd(sums.abs_sum.data() + lane, from.abs_low);
  _mm256_storeu_pd(sums.abs_sum.data() + lane + 4, from.abs_high);
  _mm256_storeu_ps(sums.min.data() + lane, from.min);
  _mm256_storeu_ps(sums.max.data() + lane, from.max);
}

__attribute__((target("avx2"), always_inline)) inline void add(const float* values, Lanes8& to) {
  const __m256 x = _mm256_loadu_ps(values);
  const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), x);
  to.sum_low = _mm256_add_pd(to.sum_low, _mm256_cvtps_pd(_mm256_castps256_ps128(x)));
  to.sum_high = _mm256_add_pd(to.sum_high, _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)));
  to.abs_low = _mm256_add_pd(to.abs_low, _mm256_cvtps_pd(_mm256_castps256_ps128(magnitude)));
  to.abs_high = _mm256_add_pd(to.abs_high, _mm256_cvtps_pd(_mm256_extractf128_ps(magnitude, 1)));
  to.min = _mm256_min_ps(x, to.min);
  to.max = _mm256_max_ps(x, to.max);
}

// Lanes i and i + 2, then both.
__attribute__((target("avx2"), always_inline)) inline double folded(__m256d four) {
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

__attribute__((target("avx2"), always_inline)) inline float lowest(__m256 eight) {
  __m128 four = _mm_min_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  four = _mm_min_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_min_ss(four, _mm_shuffle_ps(four, four, 1)));
}

__attribute__((target("avx2"))) RunSums sum_run_avx2(const float* values, size_t count) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  const __m256 infinity = _mm256_set1_ps(std::numeric_limits<float>::infinity());
  const __m256d zero = _mm256_setzero_pd();
  Lanes8 low = {zero, zero, zero, zero, infinity, _mm256_xor_ps(infinity, sign)};
  Lanes8 high = low;
  const size_t eights = count / 8;
  for (size_t i = 0; i + 1 < eights; i += 2) {
    add(values + 8 * i, low);
    add(values + 8 * i + 8, high);
  }
  if (eights % 2 != 0) {
    add(values + 8 * (eights - 1), low);
  }
  RunSums out;
  out.sum = folded(_mm256_add_pd(_mm256_add_pd(low.sum_low, high.sum_low),
                                 _mm256_add_pd(low.sum_high, high.sum_high)));
  out.abs_sum = folded(_mm256_add_pd(_mm256_add_pd(low.abs_low, high.abs_low),
                                     _mm256_add_pd(low.abs_high, high.abs_high)));
  out.min = lowest(_mm256_min_ps(low.min, high.min));
  out.max = -lowest(_mm256_xor_ps(_mm256_max_ps(low.max, high.max), sign));
  add_last(values + 8 * eights, count % 8, out);
  return out;
}

__attribute__((target("avx2"))) void add_lanes_avx2(const float* values, size_t rows, size_t stride,
                                                    size_t lanes, LaneSums& sums) {
  if (lanes == kLanes) {
    Lanes8 low = load(sums, 0);
    Lanes8 high = load(sums, 8);
    for (size_t row = 0; row < rows; ++row) {
      add(values + row * stride, low);
      add(values + row * stride + 8, high);
    }
    store(low, sums, 0);
    store(high, sums, 8);
  } else if (lanes == 8) {  // a channel block of processors without AVX-512
    Lanes8 low = load(sums, 0);
    for (size_t row = 0; row < rows; ++row) {
      add(values + row * stride, low);
    }
    store(low, sums, 0);
  } else {
    add_lanes_portable(values, rows, stride, lanes, sums);
  }
}
#endif

}  // namespace

std::span<const LaneKernel> lane_kernels() {
  static const std::vector<LaneKernel> kVersions = [] {
    std::vector<LaneKernel> versions = {{"portable", add_lanes_portable, sum_run_portable}};
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") != 0) {
      versions.push_back({"avx2", add_lanes_avx2, sum_run_avx2});
    }
#endif
    return versions;
  }();
  return kVersions;
}

}  // namespace ptq
