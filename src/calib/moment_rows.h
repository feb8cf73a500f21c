#pragma once
// The rows whose second moments are taken, as integers: tokens of the input of a MatMul or Gemm, or
// the patches of the input of a Conv (im2col), from plain and blocked tensors alike. Used by
// second_moment.cpp. Pure; any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ptq/graph.h"
#include "runtime/observer_sink.h"

namespace ptq {

// How a Conv reads its input [N, C, H, W], or [N, C, W] with H = 1. Index 0 is along H.
struct PatchShape {
  std::array<int64_t, 2> kernel = {1, 1};
  std::array<int64_t, 2> strides = {1, 1};
  std::array<int64_t, 2> dilations = {1, 1};
  std::array<int64_t, 2> pads_begin = {0, 0};
  std::array<int64_t, 2> pads_end = {0, 0};
  int64_t groups = 1;
  // ONNX auto_pad: the pads follow from the input; pads_begin and pads_end are not used then.
  enum class AutoPad { kNotSet, kSameUpper, kSameLower } auto_pad = AutoPad::kNotSet;
  bool operator==(const PatchShape&) const = default;
};

// Of a Conv node whose weight is [M, C / groups, kernel…]. Throws Error{kInput} for more than two
// spatial dimensions and for attributes that contradict each other or the weight.
PatchShape patch_shape(const Node& conv, const Shape& weight);

// x · 2^exponent, rounded to the nearest integer, is the code of x. With the exponent of its absmax
// no code of a channel exceeds kMaxGramCode, nor does that of a value 10^−4 larger, as another
// fusion in a second pass may round it.
int code_exponent(float absmax);
// The exponent of a channel of zeros, whose codes are 0.
inline constexpr int kZeroChannel = 0x7FFF;

// A matrix of rows for each group. Row r, column k of group g is
//   codes[row_offsets[r] + column_offsets[g · columns() + k]]
struct MomentRows {
  std::vector<int16_t> codes;
  std::vector<size_t> row_offsets;
  std::vector<size_t> column_offsets;
  size_t groups = 1;

  size_t columns() const { return column_offsets.size() / groups; }
};

// The exponents of all columns of all groups, K of each, from those of the channels.
std::vector<int> patch_exponents(const PatchShape& shape, std::span<const int> exponents);

// Rows along `channel_axis` (from the back when negative): one row for each position of all other
// axes, columns are the channels. `exponents` has one entry a channel. Throws Error{kInput} when
// the tensor has no such axis or another number of channels, or a value exceeds the range that
// the exponents were made for, or is NaN.
MomentRows rows_along(const ObservedTensor& tensor, int64_t channel_axis,
                      std::span<const int> exponents);

// Patches: one row for each output position, columns in the order (channel in the group, y, x) of
// the weight [M, C / groups, kernel…]; positions in the padding are 0. Throws as rows_along.
MomentRows patch_rows(const ObservedTensor& tensor, const PatchShape& shape,
                      std::span<const int> exponents);

}  // namespace ptq
