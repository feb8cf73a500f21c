#include "ptq/quant_params.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

bool is_signed(DType dtype) {
  return dtype == DType::kInt8 || dtype == DType::kInt16 || dtype == DType::kInt4 ||
         dtype == DType::kInt32;
}

CodeRange type_range(DType dtype) {
  const int bits = bit_width(dtype);
  PTQ_CHECK(bits >= 4 && bits <= 16);
  if (is_signed(dtype)) {
    return {-(1 << (bits - 1)), (1 << (bits - 1)) - 1};
  }
  return {0, (1 << bits) - 1};
}

// A scale that float32 holds as a normal number; zero width means nothing has to be represented.
float finite_scale(double scale) {
  if (scale <= 0.0) {
    return 1.0F;
  }
  const double lowest = std::numeric_limits<float>::min();
  const double highest = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(scale, lowest, highest));
}

}  // namespace

CodeRange code_range(const QuantScheme& scheme) {
  CodeRange codes = type_range(scheme.dtype);
  if (scheme.symmetric) {
    const int32_t middle = symmetric_zero_point(scheme.dtype);
    if (scheme.narrow_range) {
      codes.lo = std::max(codes.lo, 2 * middle - codes.hi);
    }
    if (scheme.code_limit) {
      PTQ_CHECK(*scheme.code_limit >= 1);
      codes.lo = std::max(codes.lo, middle - *scheme.code_limit);
      codes.hi = std::min(codes.hi, middle + *scheme.code_limit);
    }
  } else if (scheme.narrow_range) {
    codes.lo += 1;
  }
  return codes;
}

int32_t symmetric_zero_point(DType dtype) {
  return is_signed(dtype) ? 0 : 1 << (bit_width(dtype) - 1);
}

QuantParams params_for_range(float lo, float hi, const QuantScheme& scheme) {
  if (!std::isfinite(lo) || !std::isfinite(hi) || lo > hi) {
    throw Error(ErrorCode::kInput,
                fmt::format("expected a finite range with lo <= hi, found [{}, {}]", lo, hi));
  }
  const double low = std::min(0.0, static_cast<double>(lo));
  const double high = std::max(0.0, static_cast<double>(hi));
  const CodeRange codes = code_range(scheme);
  QuantParams params{.dtype = scheme.dtype};
  if (scheme.symmetric) {
    const int32_t middle = symmetric_zero_point(scheme.dtype);
    // The positive side decides: −limit is one code wider unless the range is narrow.
    params.scale = {finite_scale(std::max(-low, high) / (codes.hi - middle))};
    params.zero_point = {middle};
    return params;
  }
  const float scale = finite_scale((high - low) / (codes.hi - codes.lo));
  const double zero_point = std::nearbyint(codes.lo - low / static_cast<double>(scale));
  params.scale = {scale};
  params.zero_point = {static_cast<int32_t>(
      std::clamp(zero_point, static_cast<double>(codes.lo), static_cast<double>(codes.hi)))};
  return params;
}

RealInterval representable(const QuantParams& params, const QuantScheme& scheme) {
  const CodeRange codes = code_range(scheme);
  const double scale = params.scale.at(0);
  const int32_t zero_point = params.zero_point.at(0);
  return {scale * (codes.lo - zero_point), scale * (codes.hi - zero_point)};
}

int32_t quantize(float real, float scale, int32_t zero_point, CodeRange codes) {
  // nearbyint follows the default rounding mode, half to even, as ONNX QuantizeLinear asks.
  const float code = std::nearbyint(real / scale) + static_cast<float>(zero_point);
  if (!(code > static_cast<float>(codes.lo))) {
    return codes.lo;
  }
  return code >= static_cast<float>(codes.hi) ? codes.hi : static_cast<int32_t>(code);
}

}  // namespace ptq
