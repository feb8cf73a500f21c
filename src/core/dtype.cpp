#include "ptq/dtype.h"

#include <array>
#include <bit>

namespace ptq {
namespace {

struct Row {
  DType dtype;
  int bits;
  std::string_view name;
};

constexpr std::array<Row, 19> kRows = {{
    {DType::kUndefined, 0, "undefined"},
    {DType::kFloat, 32, "float32"},
    {DType::kUint8, 8, "uint8"},
    {DType::kInt8, 8, "int8"},
    {DType::kUint16, 16, "uint16"},
    {DType::kInt16, 16, "int16"},
    {DType::kInt32, 32, "int32"},
    {DType::kInt64, 64, "int64"},
    {DType::kString, 0, "string"},
    {DType::kBool, 8, "bool"},
    {DType::kFloat16, 16, "float16"},
    {DType::kDouble, 64, "float64"},
    {DType::kUint32, 32, "uint32"},
    {DType::kUint64, 64, "uint64"},
    {DType::kComplex64, 64, "complex64"},
    {DType::kComplex128, 128, "complex128"},
    {DType::kBfloat16, 16, "bfloat16"},
    {DType::kUint4, 4, "uint4"},
    {DType::kInt4, 4, "int4"},
}};

}  // namespace

int bit_width(DType dtype) {
  for (const Row& row : kRows) {
    if (row.dtype == dtype) {
      return row.bits;
    }
  }
  return 0;
}

std::string_view dtype_name(DType dtype) {
  for (const Row& row : kRows) {
    if (row.dtype == dtype) {
      return row.name;
    }
  }
  return "unknown";
}

float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1FU;
  const uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0x1FU) {
    return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  }
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (mantissa << 13));
}

float bfloat16_to_float(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

}  // namespace ptq
