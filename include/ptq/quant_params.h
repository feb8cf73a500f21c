#pragma once
// How real numbers become codes: real = scale · (code − zero_point). The arithmetic is that of ONNX
// QuantizeLinear: divide by the scale, round half to even, add the zero point, saturate to the
// type. Plain values; any thread.

#include <cstdint>
#include <optional>
#include <vector>

#include "ptq/dtype.h"

namespace ptq {

// The wanted form of a quantization, before any number is known.
struct QuantScheme {
  DType dtype = DType::kUint8;
  bool symmetric = false;     // real 0 sits in the middle of the codes (0, or 128 for uint8)
  bool narrow_range = false;  // leave out the lowest code: −127…127 instead of −128…127
  std::optional<int32_t> code_limit =
      std::nullopt;  // symmetric types only: |code − zero point| ≤ limit (7-bit weights: 64)

  bool operator==(const QuantScheme&) const = default;
};

// Lowest and highest code that the scheme uses.
struct CodeRange {
  int32_t lo = 0;
  int32_t hi = 0;
};
CodeRange code_range(const QuantScheme& scheme);
// Code of real 0 of a symmetric scheme: 0 for signed types, 128 / 32768 / 8 for unsigned ones.
int32_t symmetric_zero_point(DType dtype);

struct QuantParams {
  DType dtype = DType::kUndefined;
  int64_t axis = -1;  // −1: one scale for the tensor; else one scale an index of this dimension
  std::vector<float> scale{};         // finite, normal, > 0
  std::vector<int32_t> zero_point{};  // same length as scale

  bool per_axis() const { return axis >= 0; }
  bool operator==(const QuantParams&) const = default;
};

// Parameters that represent [lo, hi] (widened to hold 0) under `scheme`. The scale is computed in
// double and stored as float; the zero point is rounded to an integer. A range of zero width gets
// the scale 1; a scale that would be denormal is raised to the smallest normal float.
// Throws Error{kInput} when lo or hi is not finite or lo > hi.
QuantParams params_for_range(float lo, float hi, const QuantScheme& scheme);

// The real interval that the parameters represent without saturation (per tensor).
struct RealInterval {
  double lo = 0.0;
  double hi = 0.0;
};
RealInterval representable(const QuantParams& params, const QuantScheme& scheme);

// One code. `scale` > 0. Infinities saturate; NaN gives the lowest code, as the kernels of ONNX
// Runtime do on x86 and ARM (its MLAS clamps before it rounds, with a maximum that drops NaN).
int32_t quantize(float real, float scale, int32_t zero_point, CodeRange codes);
inline float dequantize(int32_t code, float scale, int32_t zero_point) {
  return scale * static_cast<float>(code - zero_point);
}

}  // namespace ptq
