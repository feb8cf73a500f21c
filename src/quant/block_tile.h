#pragma once
// The inner loops of block-wise weight quantization: one scale and one zero point for each column
// of a small tile. Columns are independent lanes of vector registers, so every version of the code
// gives the same bytes. Used by block_quantizer.cpp. Any thread.
//
// Codes are unsigned in here, 0 … levels; real = scale · (code − zero). A signed type is the same
// with both shifted by half the codes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "ptq/dtype.h"

namespace ptq {

inline constexpr size_t kTileLanes = 64;

struct TileGrid {
  int levels = 15;                    // highest code: 15 or 255
  bool symmetric = true;              // the zero is the middle code, and a scale may be negative
  bool search = true;                 // try shares of the range instead of the whole range alone
  DType scale_dtype = DType::kFloat;  // what scales are rounded to: float32, float16, bfloat16
};

struct TileFit {
  std::array<float, kTileLanes> scale;
  std::array<uint8_t, kTileLanes> zero;
  std::array<float, kTileLanes> error;   // Σ (decoded − real)² of the lane
  std::array<float, kTileLanes> signal;  // Σ real² of the lane
  bool finite = true;                    // false: a value is NaN or infinite; the rest is void
};

// `tile` and `codes`: [rows, kTileLanes]. A column of zeros gets the scale 1 and codes that are its
// zero.
using FitTile = void (*)(const float* tile, size_t rows, const TileGrid& grid, TileFit& fit,
                         uint8_t* codes);

struct TileKernel {
  std::string_view name;  // "portable", "avx2", "avx512"
  FitTile fit;
};

// The versions that this processor runs, best last.
std::span<const TileKernel> tile_kernels();

// float32 rounded to the nearest float16 or bfloat16 (half to even) and back; beyond the range of
// that type its largest number, below its normal numbers the smallest of these.
float round_scale(float value, DType dtype);

}  // namespace ptq
