#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "ptq/range.h"

namespace ptq {
namespace {

TEST(EstimatorTable, FindsEachByItsName) {
  ASSERT_EQ(range_estimators().size(), 4U);
  for (const RangeEstimator& estimator : range_estimators()) {
    EXPECT_EQ(&range_estimator(estimator.name), &estimator);
    EXPECT_FALSE(estimator.summary.empty());
  }
}

TEST(EstimatorTable, AnUnknownNameIsAUsageErrorThatListsTheNames) {
  try {
    range_estimator("min\nmax");
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("absmax, percentile, mse, kl"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("'min?max'"));
  }
}

}  // namespace
}  // namespace ptq
