#include "ptq/dtype.h"

#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

namespace ptq {
namespace {

TEST(DType, WidthsAndNamesOfTheOnnxTypes) {
  EXPECT_EQ(bit_width(DType::kFloat), 32);
  EXPECT_EQ(bit_width(DType::kBool), 8);
  EXPECT_EQ(bit_width(DType::kBfloat16), 16);
  EXPECT_EQ(bit_width(DType::kComplex128), 128);
  EXPECT_EQ(bit_width(DType::kUint4), 4);
  EXPECT_EQ(bit_width(DType::kInt4), 4);
  EXPECT_EQ(bit_width(DType::kString), 0);
  EXPECT_EQ(bit_width(static_cast<DType>(17)), 0);  // float8e4m3fn, not known here
  EXPECT_EQ(dtype_name(DType::kDouble), "float64");
  EXPECT_EQ(dtype_name(DType::kInt4), "int4");
  EXPECT_EQ(dtype_name(static_cast<DType>(-5)), "unknown");
}

TEST(DType, CppTypesHaveTheWidthOfTheirDType) {
  EXPECT_EQ(bit_width(dtype_of<float>()), 32);
  EXPECT_EQ(bit_width(dtype_of<double>()), 64);
  EXPECT_EQ(bit_width(dtype_of<int8_t>()), 8);
  EXPECT_EQ(bit_width(dtype_of<uint16_t>()), 16);
  EXPECT_EQ(bit_width(dtype_of<int64_t>()), 64);
  EXPECT_EQ(bit_width(dtype_of<bool>()), 8);
}

// IEEE 754 binary16 by its definition, without bit tricks.
double half_by_definition(uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 0) {
    return sign * std::ldexp(mantissa, -24);
  }
  if (exponent == 31) {
    return mantissa == 0 ? sign * HUGE_VAL : std::nan("");
  }
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(HalfToFloat, EqualsTheDefinitionForAllPatterns) {
  for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const float found = half_to_float(static_cast<uint16_t>(bits));
    const double expected = half_by_definition(static_cast<uint16_t>(bits));
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(found)) << bits;
    } else {
      EXPECT_EQ(static_cast<double>(found), expected) << bits;
    }
    EXPECT_EQ(std::signbit(found), (bits & 0x8000U) != 0) << bits;
  }
}

TEST(Bfloat16ToFloat, IsTheUpperHalfOfTheFloat) {
  for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const float found = bfloat16_to_float(static_cast<uint16_t>(bits));
    uint32_t pattern = 0;
    std::memcpy(&pattern, &found, sizeof(pattern));
    EXPECT_EQ(pattern, bits << 16);
  }
  EXPECT_EQ(bfloat16_to_float(0x3F80), 1.0F);
  EXPECT_EQ(bfloat16_to_float(0xC040), -3.0F);
  EXPECT_TRUE(std::isinf(bfloat16_to_float(0x7F80)));
}

}  // namespace
}  // namespace ptq
