#include <vector>

#include <gtest/gtest.h>

#include "range/estimators.h"

namespace ptq {
namespace {

RangeOptions asymmetric() {
  return {.scheme = {.dtype = DType::kUint8}};
}
RangeOptions symmetric() {
  return {.scheme = {.dtype = DType::kInt8, .symmetric = true}};
}

Range absmax_of(const std::vector<float>& values, const RangeOptions& options) {
  return estimate_absmax(stats_of(values), options);
}

TEST(AbsmaxRange, KeepsTheExactExtremesAndZero) {
  const Range both = absmax_of({-0.7F, 0.1F, 2.3F}, asymmetric());
  EXPECT_EQ(both.lo, -0.7F);
  EXPECT_EQ(both.hi, 2.3F);
  EXPECT_EQ(both.clipped_fraction, 0.0);
  const Range above = absmax_of({0.5F, 2.3F}, asymmetric());
  EXPECT_EQ(above.lo, 0.0F);
  EXPECT_EQ(above.hi, 2.3F);
  const Range below = absmax_of({-0.5F, -2.3F}, asymmetric());
  EXPECT_EQ(below.lo, -2.3F);
  EXPECT_EQ(below.hi, 0.0F);
}

TEST(AbsmaxRange, IsSymmetricForASymmetricScheme) {
  for (const auto& values : {std::vector<float>{-0.7F, 2.3F}, std::vector<float>{-2.3F, 0.7F},
                             std::vector<float>{0.1F, 2.3F}}) {
    const Range range = absmax_of(values, symmetric());
    EXPECT_EQ(range.lo, -2.3F);
    EXPECT_EQ(range.hi, 2.3F);
  }
}

TEST(AbsmaxRange, OfUniformValuesHasTheTextbookSqnr) {
  // Uniform on [0, 1], step 1/255: signal 1/3, noise step²/12, so 10·log10(4 · 255²).
  std::vector<float> values;
  for (int i = 0; i <= 100000; ++i) {
    values.push_back(static_cast<float>(i) / 100000.0F);
  }
  EXPECT_NEAR(absmax_of(values, asymmetric()).sqnr_db, 54.15, 0.01);
}

}  // namespace
}  // namespace ptq
