#pragma once
// The inner loops of second moments: values to integers ("codes"), and products of two blocks of 16
// columns of codes, summed exactly. One version for each instruction set, the best chosen at run
// time; all give the same result. Used by moment_rows.cpp and second_moment.cpp. Any thread.
//
// Integers instead of float64: the sum does not depend on order, and the multiplier of two 16-bit
// pairs, which every x86-64 has, does several times the products of a float64 unit.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ptq {

inline constexpr size_t kGramBlock = 16;  // columns of a block
inline constexpr int kMaxGramCode = 1 << 12;
// A product of two codes is at most 2^24, of two pairs 2^25: 63 pairs stay below 2^31.
inline constexpr size_t kPairsInt32 = 62;

// A block of packed rows: element pair · kGramBlock + column holds the codes of the rows 2 · pair
// (low half) and 2 · pair + 1 (high half) as int16, each in [−kMaxGramCode, kMaxGramCode].
inline uint32_t packed_codes(int16_t first, int16_t second) {
  return static_cast<uint16_t>(first) | static_cast<uint32_t>(static_cast<uint16_t>(second)) << 16;
}

// Adds Σ over rows of a[row, i] · b[row, j] to sums[i · kGramBlock + j], for all i and j.
using GramTile = void (*)(const uint32_t* a, const uint32_t* b, size_t pairs, int64_t* sums);

// Writes values[i] · scales[i], rounded half to even, to out[i], and returns the largest
// |value · scale| as a float's pattern; NaN is above all numbers. `out` is void when that rounds to
// more than kMaxGramCode. A scale of 0 gives the code 0, whatever the value.
using CodeValues = int32_t (*)(const float* values, const float* scales, size_t count,
                               int16_t* out);

struct GramKernel {
  std::string_view name;  // "portable", "avx2", "avx512vnni"
  CodeValues code_values;
  GramTile add_tile;
};

// The versions that this processor runs, best last.
std::span<const GramKernel> gram_kernels();

}  // namespace ptq
