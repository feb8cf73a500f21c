#include "quant/block_tile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

// Vectors wider than the registers of the portable version are never passed between functions.
#pragma GCC diagnostic ignored "-Wpsabi"

#define PTQ_INLINE __attribute__((always_inline)) inline

namespace ptq {
namespace {

// Shares of the whole range. Few codes gain most from cutting outliers off; with 255 levels next to
// nothing is left to gain beyond a few percent.
constexpr std::array kShares4 = {1.0F, 0.96F, 0.92F, 0.88F, 0.84F, 0.80F, 0.76F, 0.72F, 1.04F};
constexpr std::array kShares8 = {1.0F, 0.98F, 0.95F, 0.91F, 0.86F};
constexpr size_t kZeros = 3;  // zero points tried with each share
// 1.5 · 2^23: added to a number below 2^22 in magnitude and taken away again it rounds half to
// even.
constexpr float kRounder = 12582912.0F;
constexpr float kFarCode = 1048576.0F;  // beyond all codes, still rounded by kRounder

// W lanes. Operators work element by element on all compilers that this project builds with.
template <int W>
struct Lanes {
  typedef float Vector __attribute__((vector_size(W * sizeof(float))));
  typedef int32_t Mask __attribute__((vector_size(W * sizeof(float))));
};

template <int W>
struct Search {
  using V = typename Lanes<W>::Vector;
  V low{}, high{}, signal{};  // of the columns; low ≤ 0 ≤ high
  V step{}, score{}, zero{};  // best so far; score: what it explains, (Σ t x)² / Σ t²
};

template <int W>
PTQ_INLINE typename Lanes<W>::Vector splat(float value) {
  typename Lanes<W>::Vector out;
  for (int i = 0; i < W; ++i) {
    out[i] = value;
  }
  return out;
}

template <typename V>
PTQ_INLINE void load(const float* from, V& out) {
  __builtin_memcpy(&out, from, sizeof(V));
}

template <typename V>
PTQ_INLINE void store(const V& from, float* to) {
  __builtin_memcpy(to, &from, sizeof(V));
}

template <typename V>
PTQ_INLINE V smaller(const V& a, const V& b) {
  return a < b ? a : b;
}
template <typename V>
PTQ_INLINE V larger(const V& a, const V& b) {
  return a > b ? a : b;
}

// x / step as an integer; far away when it is beyond all codes.
template <typename V>
PTQ_INLINE V round_codes(const V& x, const V& inverse, const V& far, const V& rounder) {
  const V scaled = larger(smaller(V(x * inverse), far), V(-far));
  return V(scaled + rounder) - rounder;
}

template <int W>
PTQ_INLINE bool measure_columns(const float* tile, size_t rows, Search<W>& search) {
  using V = typename Lanes<W>::Vector;
  V low{};
  V high{};
  V signal{};
  typename Lanes<W>::Mask bad{};
  for (size_t r = 0; r < rows; ++r) {
    V x;
    load(tile + r * kTileLanes, x);
    low = smaller(x, low);
    high = larger(x, high);
    signal += x * x;
    bad |= ~((x - x) == V{});
  }
  search.low = low;
  search.high = high;
  search.signal = signal;
  int32_t any = 0;
  for (int i = 0; i < W; ++i) {
    any |= bad[i];
  }
  return any == 0;
}

// Tries the zeros with one step: the step that is best for the codes so found is a projection of
// the column on them.
template <int W>
PTQ_INLINE void try_step(const float* tile, size_t rows, float levels,
                         const typename Lanes<W>::Vector& step,
                         const typename Lanes<W>::Vector (&zeros)[kZeros], Search<W>& best) {
  using V = typename Lanes<W>::Vector;
  const V inverse = splat<W>(1.0F) / step;
  const V far = splat<W>(kFarCode);
  const V rounder = splat<W>(kRounder);
  V shared[kZeros] = {};
  V power[kZeros] = {};
  V lowest[kZeros];
  V highest[kZeros];
  for (size_t z = 0; z < kZeros; ++z) {
    lowest[z] = -zeros[z];
    highest[z] = splat<W>(levels) - zeros[z];
  }
  for (size_t r = 0; r < rows; ++r) {
    V x;
    load(tile + r * kTileLanes, x);
    const V code = round_codes(x, inverse, far, rounder);
    for (size_t z = 0; z < kZeros; ++z) {
      const V t = larger(smaller(code, highest[z]), lowest[z]);
      shared[z] += t * x;
      power[z] += t * t;
    }
  }
  for (size_t z = 0; z < kZeros; ++z) {
    const V score = shared[z] * shared[z] / larger(power[z], splat<W>(1.0F));
    const auto better = (score > best.score) & (shared[z] > V{});
    best.step = better ? V(shared[z] / power[z]) : best.step;
    best.zero = better ? zeros[z] : best.zero;
    best.score = better ? score : best.score;
  }
}

// The error of codes nearest under a step and a zero, and the projection of the column on them.
template <int W>
PTQ_INLINE void measure_step(const float* tile, size_t rows, float levels,
                             const typename Lanes<W>::Vector& step,
                             const typename Lanes<W>::Vector& zero,
                             typename Lanes<W>::Vector& error,
                             typename Lanes<W>::Vector& projection) {
  using V = typename Lanes<W>::Vector;
  const V inverse = splat<W>(1.0F) / step;
  const V far = splat<W>(kFarCode);
  const V rounder = splat<W>(kRounder);
  const V lowest = -zero;
  const V highest = splat<W>(levels) - zero;
  V sum{};
  V shared{};
  V power{};
  for (size_t r = 0; r < rows; ++r) {
    V x;
    load(tile + r * kTileLanes, x);
    const V code = round_codes(x, inverse, far, rounder);
    const V t = larger(smaller(code, highest), lowest);
    const V off = t * step - x;
    sum += off * off;
    shared += t * x;
    power += t * t;
  }
  error = sum;
  projection = power > V{} ? V(shared / power) : step;
}

// Writes the codes, and the error with the step as it is stored.
template <int W>
PTQ_INLINE typename Lanes<W>::Vector write_codes(const float* tile, size_t rows, float levels,
                                                 const typename Lanes<W>::Vector& step,
                                                 const typename Lanes<W>::Vector& zero,
                                                 uint8_t* codes) {
  using V = typename Lanes<W>::Vector;
  const V inverse = splat<W>(1.0F) / step;
  const V far = splat<W>(kFarCode);
  const V rounder = splat<W>(kRounder);
  const V top = splat<W>(levels);
  V error{};
  for (size_t r = 0; r < rows; ++r) {
    V x;
    load(tile + r * kTileLanes, x);
    const V code = round_codes(x, inverse, far, rounder);
    const V kept = larger(smaller(V(code + zero), top), V{});
    const V off = (kept - zero) * step - x;
    error += off * off;
    for (int i = 0; i < W; ++i) {
      codes[r * kTileLanes + static_cast<size_t>(i)] = static_cast<uint8_t>(kept[i]);
    }
  }
  return error;
}

template <int W>
PTQ_INLINE typename Lanes<W>::Vector normal_step(const typename Lanes<W>::Vector& step) {
  using V = typename Lanes<W>::Vector;
  const V least = splat<W>(std::numeric_limits<float>::min());
  return step < least ? least : step;
}

// Where the range of a column begins and how wide a step over all of it is.
template <int W>
PTQ_INLINE void whole_range(const TileGrid& grid, const Search<W>& columns,
                            typename Lanes<W>::Vector& step) {
  using V = typename Lanes<W>::Vector;
  const auto levels = static_cast<float>(grid.levels);
  if (grid.symmetric) {
    const V most = larger(columns.high, V(-columns.low));
    // Without a search the largest magnitude itself is a code, on either side.
    const float half = grid.search && grid.levels == 15 ? levels / 2.0F : (levels - 1.0F) / 2.0F;
    step = most / splat<W>(half);
  } else {
    step = (columns.high - columns.low) / splat<W>(levels);
  }
  step = normal_step<W>(step);
}

// The zero that puts the middle of a cut range where that of the whole range is.
template <int W>
PTQ_INLINE typename Lanes<W>::Vector centred_zero(const TileGrid& grid, const Search<W>& columns,
                                                  const typename Lanes<W>::Vector& step,
                                                  float share) {
  using V = typename Lanes<W>::Vector;
  const auto levels = static_cast<float>(grid.levels);
  if (grid.symmetric) {
    return splat<W>(static_cast<float>((grid.levels + 1) / 2));
  }
  const V begin = V(-columns.low) / step + splat<W>((1.0F - 1.0F / share) * levels / 2.0F);
  const V rounded = V(begin + splat<W>(kRounder)) - splat<W>(kRounder);
  return larger(smaller(rounded, splat<W>(levels)), V{});
}

// Four bits: shares, each with neighbouring zeros; a symmetric column may also be mirrored (its
// scale is negative then), which is the zero one below the middle.
template <int W>
PTQ_INLINE void search_few(const float* tile, size_t rows, const TileGrid& grid, Search<W>& best) {
  using V = typename Lanes<W>::Vector;
  const auto levels = static_cast<float>(grid.levels);
  V whole;
  whole_range<W>(grid, best, whole);
  for (const float share : kShares4) {
    const V step = normal_step<W>(V(whole * splat<W>(share)));
    const V zero = centred_zero<W>(grid, best, step, share);
    const V below = larger(V(zero - splat<W>(1.0F)), V{});
    const V above = grid.symmetric ? zero : smaller(V(zero + splat<W>(1.0F)), splat<W>(levels));
    const V zeros[kZeros] = {zero, below, above};
    try_step<W>(tile, rows, levels, step, zeros, best);
  }
}

// Eight bits: the error itself is summed, since it is too small a part of the signal to be found as
// a difference.
template <int W>
PTQ_INLINE void search_many(const float* tile, size_t rows, const TileGrid& grid, Search<W>& best) {
  using V = typename Lanes<W>::Vector;
  const auto levels = static_cast<float>(grid.levels);
  V whole;
  whole_range<W>(grid, best, whole);
  V least = splat<W>(std::numeric_limits<float>::infinity());
  const size_t count = grid.search ? kShares8.size() : 1;
  for (size_t k = 0; k < count; ++k) {
    V step = normal_step<W>(V(whole * splat<W>(kShares8[k])));
    const V zero = centred_zero<W>(grid, best, step, kShares8[k]);
    for (int pass = 0; pass < (grid.search ? 2 : 1); ++pass) {
      V error;
      V projection;
      measure_step<W>(tile, rows, levels, step, zero, error, projection);
      const auto better = error < least;
      best.step = better ? step : best.step;
      best.zero = better ? zero : best.zero;
      least = better ? error : least;
      step = normal_step<W>(projection);
    }
  }
}

template <int W>
PTQ_INLINE bool fit_lanes(const float* tile, size_t rows, const TileGrid& grid, size_t lane,
                          TileFit& fit, uint8_t* codes) {
  using V = typename Lanes<W>::Vector;
  const auto levels = static_cast<float>(grid.levels);
  Search<W> best;
  if (!measure_columns<W>(tile + lane, rows, best)) {
    return false;
  }
  whole_range<W>(grid, best, best.step);
  best.zero = centred_zero<W>(grid, best, best.step, 1.0F);
  if (grid.levels > 15) {
    search_many<W>(tile + lane, rows, grid, best);
  } else if (grid.search) {
    search_few<W>(tile + lane, rows, grid, best);
    V error;
    V projection;
    measure_step<W>(tile + lane, rows, levels, best.step, best.zero, error, projection);
    best.step = projection > V{} ? projection : best.step;
  }
  const auto empty = best.signal == V{};
  V step = empty ? splat<W>(1.0F) : normal_step<W>(best.step);
  if (grid.scale_dtype != DType::kFloat) {
    for (int i = 0; i < W; ++i) {
      step[i] = round_scale(step[i], grid.scale_dtype);
    }
  }
  const V error = write_codes<W>(tile + lane, rows, levels, step, best.zero, codes + lane);
  store(step, fit.scale.data() + lane);
  store(error, fit.error.data() + lane);
  store(best.signal, fit.signal.data() + lane);
  for (int i = 0; i < W; ++i) {
    fit.zero[lane + static_cast<size_t>(i)] = static_cast<uint8_t>(best.zero[i]);
  }
  return true;
}

// A mirrored column as the file holds it: codes and zero run the other way, and the scale is
// negative. The zero is then the middle code.
void mirror_columns(const TileGrid& grid, size_t rows, TileFit& fit, uint8_t* codes) {
  const auto middle = static_cast<uint8_t>((grid.levels + 1) / 2);
  for (size_t lane = 0; lane < kTileLanes; ++lane) {
    if (fit.zero[lane] == middle) {
      continue;
    }
    fit.zero[lane] = middle;
    fit.scale[lane] = -fit.scale[lane];
    for (size_t r = 0; r < rows; ++r) {
      uint8_t& code = codes[r * kTileLanes + lane];
      code = static_cast<uint8_t>(grid.levels - code);
    }
  }
}

template <int W>
PTQ_INLINE void fit_tile(const float* tile, size_t rows, const TileGrid& grid, TileFit& fit,
                         uint8_t* codes) {
  fit.finite = true;
  for (size_t lane = 0; lane < kTileLanes; lane += W) {
    if (!fit_lanes<W>(tile, rows, grid, lane, fit, codes)) {
      fit.finite = false;
      return;
    }
  }
  if (grid.symmetric) {
    mirror_columns(grid, rows, fit, codes);
  }
}

void fit_portable(const float* tile, size_t rows, const TileGrid& grid, TileFit& fit,
                  uint8_t* codes) {
  fit_tile<4>(tile, rows, grid, fit, codes);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void fit_avx2(const float* tile, size_t rows, const TileGrid& grid,
                                              TileFit& fit, uint8_t* codes) {
  fit_tile<8>(tile, rows, grid, fit, codes);
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))) void fit_avx512(
    const float* tile, size_t rows, const TileGrid& grid, TileFit& fit, uint8_t* codes) {
  fit_tile<16>(tile, rows, grid, fit, codes);
}
#endif

std::vector<TileKernel> make_kernels() {
  std::vector<TileKernel> kernels = {{"portable", fit_portable}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    kernels.push_back({"avx2", fit_avx2});
  }
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq")) {
    kernels.push_back({"avx512", fit_avx512});
  }
#endif
  return kernels;
}

}  // namespace

std::span<const TileKernel> tile_kernels() {
  static const std::vector<TileKernel> kKernels = make_kernels();
  return kKernels;
}

float round_scale(float value, DType dtype) {
  if (dtype == DType::kFloat) {
    return value;
  }
  const bool half = dtype == DType::kFloat16;
  const float largest = half ? 65504.0F : 3.38953139e+38F;
  const float smallest = half ? 6.103515625e-05F : std::numeric_limits<float>::min();
  const uint32_t dropped = half ? 13U : 16U;  // bits of the fraction that the type lacks
  auto bits = std::bit_cast<uint32_t>(std::clamp(std::fabs(value), smallest, largest));
  bits += (1U << (dropped - 1U)) - 1U + ((bits >> dropped) & 1U);
  bits &= ~((1U << dropped) - 1U);
  return std::copysign(std::min(std::bit_cast<float>(bits), largest), value);
}

}  // namespace ptq
