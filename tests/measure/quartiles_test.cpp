#include "measure/quartiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Quartiles, InterpolateBetweenNeighbours) {
  const Quartiles five = quartiles({5, 1, 4, 2, 3});
  EXPECT_EQ(five.lower, 2.0);
  EXPECT_EQ(five.median, 3.0);
  EXPECT_EQ(five.upper, 4.0);
  const Quartiles four = quartiles({4, 1, 3, 2});
  EXPECT_EQ(four.lower, 1.75);
  EXPECT_EQ(four.median, 2.5);
  EXPECT_EQ(four.upper, 3.25);
}

TEST(Quartiles, OneValueHasNoSpreadAndNoneGivesZeros) {
  EXPECT_EQ(quartiles({7}).median, 7.0);
  EXPECT_EQ(quartiles({7}).spread(), 0.0);
  EXPECT_EQ(quartiles({}).median, 0.0);
  EXPECT_EQ(quartiles({}).spread(), 0.0);
}

TEST(PairRatios, DivideNeighbours) {
  EXPECT_THAT(pair_ratios(std::vector<double>{6, 1}, std::vector<double>{2, 4}),
              ElementsAre(3.0, 0.25));
  // A clock that did not advance tells nothing.
  EXPECT_THAT(pair_ratios(std::vector<double>{6}, std::vector<double>{0}), ElementsAre(1.0));
}

TEST(NoiseWarning, SpeaksWhenTheMiddleHalfSpreadsOverMoreThanATenth) {
  EXPECT_EQ(noise_warning("FP32", {.lower = 95, .median = 100, .upper = 105}), "");
  EXPECT_THAT(noise_warning("FP32", {.lower = 90, .median = 100, .upper = 115}),
              HasSubstr("FP32 runs spreads over 25 %"));
}

}  // namespace
}  // namespace ptq
