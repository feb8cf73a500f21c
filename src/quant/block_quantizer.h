#pragma once
// Weights as codes with one scale for each block of elements along the reduced axis, without data.
// Called by name from passes that write block-wise DequantizeLinear or MatMulNBits. One weight at a
// time; the work is spread over threads, and no number of threads changes a byte. Any thread.

#include <cstdint>
#include <string>
#include <vector>

#include "ptq/dtype.h"
#include "ptq/tensor.h"

namespace ptq {

// How blocks get their scale and zero point.
enum class BlockMethod {
  kNearest,  // the whole range of the block, codes to nearest
  kSearch,   // cut ranges and neighbouring zero points, steps refitted; least squared error
};

struct BlockScheme {
  DType dtype = DType::kInt4;  // kInt4, kUint4, kInt8 or kUint8
  int64_t block_size = 32;     // elements along the reduced axis; 0: all of them
  bool symmetric = false;      // no zero points, or all in the middle of an unsigned type
  BlockMethod method = BlockMethod::kSearch;
  DType scale_dtype = DType::kFloat;  // or kFloat16, kBfloat16: scales are such numbers
};

// Which axis of a two-dimensional weight a product sums over.
enum class ReducedAxis { kFirst, kSecond };

// Blocks of a weight [K, N] (kFirst) or [N, K] (kSecond): G = ⌈K / block_size⌉ along the reduced
// axis, the last one shorter where the size does not divide K.
struct BlockCodes {
  ReducedAxis reduced = ReducedAxis::kFirst;
  int64_t rows = 0;  // of the weight as it is stored
  int64_t columns = 0;
  int64_t block_size = 0;        // > 0
  std::vector<uint8_t> codes{};  // [rows, columns], 0 … 15 or 0 … 255 whatever the type
  std::vector<float> scale{};    // [G, N] or [N, G], finite and normal; negative only if symmetric
  std::vector<uint8_t> zero{};   // the same shape, in terms of `codes`
  double signal = 0.0;           // Σ w²
  double noise = 0.0;            // Σ (decoded − w)²

  int64_t blocks() const;  // G
  int64_t reduced_size() const { return reduced == ReducedAxis::kFirst ? rows : columns; }
  int64_t output_size() const { return reduced == ReducedAxis::kFirst ? columns : rows; }
};

// `weight`: float32, float16 or bfloat16, two axes. Throws Error{kInput} with the place of a value
// that is NaN or infinite, Error{kInternal} for other types and ranks.
BlockCodes quantize_blocks(const Tensor& weight, ReducedAxis reduced, const BlockScheme& scheme,
                           int threads);

// The weights that the codes stand for, [rows, columns].
std::vector<float> decode_blocks(const BlockCodes& blocks);

// The same blocks of the transposed weight.
BlockCodes transposed(const BlockCodes& blocks);

}  // namespace ptq
