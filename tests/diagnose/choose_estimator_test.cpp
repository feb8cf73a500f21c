#include "diagnose/choose_estimator.h"

#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::map<std::string, Range> candidates(double absmax_db, double percentile_db, double mse_db) {
  Range absmax{-1.0F, 1.0F, 0.0, absmax_db};
  Range percentile{-0.6F, 0.6F, 1e-5, percentile_db};
  Range mse{-0.5F, 0.5F, 1e-4, mse_db};
  return {{"absmax", absmax}, {"percentile", percentile}, {"mse", mse}};
}

constexpr uint64_t kMany = 4000000;

EstimatorChoice choose(double ratio, const std::map<std::string, Range>& ranges,
                       const EstimatorPolicy& policy = {}, uint64_t count = kMany) {
  return choose_estimator({ratio, count, count, ranges}, policy);
}

TEST(ChooseEstimator, SmallRatioKeepsTheFullRange) {
  const EstimatorChoice choice = choose(2.1, candidates(38.3, 38.1, 38.5));
  EXPECT_EQ(choice.estimator, "absmax");
  EXPECT_EQ(choice.reason,
            "outlier ratio 2.1 < 3: the full range costs little (absmax 38.3 dB, mse 38.5 dB)");
}

TEST(ChooseEstimator, SmallRatioIsVetoedByTheSqnr) {
  const EstimatorChoice choice = choose(2.1, candidates(38.3, 39.9, 40.5));
  EXPECT_EQ(choice.estimator, "mse");
  EXPECT_EQ(choice.reason,
            "outlier ratio 2.1 < 3, but the full range loses 2.2 dB (absmax 38.3 dB, mse 40.5 dB)");
}

TEST(ChooseEstimator, TheVetoHasTheSizeOfThePolicy) {
  EXPECT_EQ(choose(2.1, candidates(38.3, 39.9, 40.5), {.veto_db = 3.0}).estimator, "absmax");
  EXPECT_EQ(choose(2.1, candidates(38.3, 38.1, 38.5), {.veto_db = 0.1}).estimator, "mse");
}

TEST(ChooseEstimator, MiddleRatioTakesTheBetterPredicted) {
  const EstimatorChoice choice = choose(8.3, candidates(24.6, 29.8, 30.2));
  EXPECT_EQ(choice.estimator, "mse");
  EXPECT_EQ(
      choice.reason,
      "outlier ratio 8.3 between 3 and 10: clipping gains 5.6 dB (absmax 24.6 dB, mse 30.2 dB, "
      "percentile 99.999 29.8 dB)");
}

TEST(ChooseEstimator, EqualPredictionsGoToTheOneThatClipsLess) {
  EXPECT_EQ(choose(8.3, candidates(24.6, 30.15, 30.2)).estimator, "percentile");
  EXPECT_EQ(choose(2.0, candidates(24.6, 30.15, 30.2)).estimator, "percentile");
  auto wider_mse = candidates(24.6, 30.15, 30.2);
  wider_mse["mse"].clipped_fraction = 1e-6;
  EXPECT_EQ(choose(8.3, wider_mse).estimator, "mse");
}

TEST(ChooseEstimator, TooFewValuesMakeThePercentileMeaningless) {
  const EstimatorChoice choice = choose(8.3, candidates(24.6, 30.15, 30.2), {}, 999999);
  EXPECT_EQ(choice.estimator, "mse");
  EXPECT_THAT(choice.reason, HasSubstr("percentile 99.999 needs 1000000 values, 999999 were seen"));
  EXPECT_EQ(choose(8.3, candidates(24.6, 30.15, 30.2), {}, 1000000).estimator, "percentile");
}

TEST(ChooseEstimator, APercentileBelow99999IsNotTakenWhereItLoses) {
  // Even if the policy tolerates a loss of 5 dB elsewhere.
  const EstimatorPolicy policy{.veto_db = 5.0, .percentile = 99.99};
  const EstimatorChoice choice = choose(9.3, candidates(19.0, 16.6, 26.5), policy);
  EXPECT_EQ(choice.estimator, "mse");
  EXPECT_THAT(choice.reason, HasSubstr("percentile 99.99 loses 9.9 dB against mse"));
}

TEST(ChooseEstimator, LargeRatioTakesMse) {
  const EstimatorChoice choice = choose(27.9, candidates(15.9, 19.05, 19.1));
  EXPECT_EQ(choice.estimator, "mse");
  EXPECT_EQ(choice.reason,
            "outlier ratio 27.9 > 10: a few outliers stretch the full range (absmax 15.9 dB, mse "
            "19.1 dB)");
}

TEST(ChooseEstimator, ASmallGainDoesNotPayForClipping) {
  for (const double ratio : {5.0, 139.0}) {
    const EstimatorChoice choice = choose(ratio, candidates(12.8, 0.6, 13.0));
    EXPECT_EQ(choice.estimator, "absmax");
    EXPECT_THAT(choice.reason, HasSubstr("clipping gains only 0.2 dB: the full range stays"));
    // A tolerant veto does not widen this: it is about the ratio's choice.
    EXPECT_EQ(choose(ratio, candidates(11.0, 0.6, 13.0), {.veto_db = 3.0}).estimator, "mse");
  }
}

TEST(ChooseEstimator, ThresholdsBelongToTheMiddle) {
  for (const double ratio : {3.0, 10.0}) {
    EXPECT_THAT(choose(ratio, candidates(20.0, 25.0, 30.0)).reason, HasSubstr("between 3 and 10"));
  }
}

TEST(ChooseEstimator, PresetsDifferInTheLowerRatio) {
  const auto ranges = candidates(38.0, 38.4, 38.45);
  EXPECT_THAT(choose(2.5, ranges, policy_preset("default")).reason,
              StartsWith("outlier ratio 2.5 < 3"));
  EXPECT_THAT(choose(2.5, ranges, policy_preset("strict")).reason,
              StartsWith("outlier ratio 2.5 between 2 and 10"));
  EXPECT_THROW(policy_preset("loose"), Error);
}

TEST(ChooseEstimator, AForcedEstimatorIsTakenAndItsLossNamed) {
  const EstimatorChoice choice =
      choose(9.3, candidates(25.4, 16.6, 26.5), {.forced = "percentile", .percentile = 99.99});
  EXPECT_EQ(choice.estimator, "percentile");
  EXPECT_EQ(choice.reason, "asked for (percentile 99.99 16.6 dB, 9.9 dB below mse)");
  EXPECT_EQ(choose(9.3, candidates(25.4, 16.6, 26.5), {.forced = "mse"}).reason,
            "asked for (mse 26.5 dB)");
}

TEST(ChooseEstimator, NothingToMeasureIsSaid) {
  const auto ranges = candidates(0.0, 0.0, 0.0);
  const EstimatorChoice zeros = choose_estimator({1.0, 100, 0, ranges}, {});
  EXPECT_EQ(zeros.estimator, "absmax");
  EXPECT_EQ(zeros.reason, "all values are zero");
  const EstimatorChoice none = choose_estimator({1.0, 0, 0, ranges}, {.forced = "mse"});
  EXPECT_EQ(none.estimator, "mse");
  EXPECT_EQ(none.reason, "no finite value was seen");
}

TEST(ChooseEstimator, AnExactRangeStays) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const EstimatorChoice choice = choose(1.0, candidates(kInfinity, kInfinity, kInfinity));
  EXPECT_EQ(choice.estimator, "absmax");
  EXPECT_THAT(choice.reason, HasSubstr("absmax exact"));
}

TEST(CheckPolicy, RefusesWhatContradictsItself) {
  for (const EstimatorPolicy& policy :
       {EstimatorPolicy{.low_ratio = 10.0, .high_ratio = 3.0}, EstimatorPolicy{.low_ratio = -1.0},
        EstimatorPolicy{.veto_db = -0.1},
        EstimatorPolicy{.veto_db = std::numeric_limits<double>::quiet_NaN()},
        EstimatorPolicy{.forced = "minmax"}}) {
    EXPECT_THROW(check_policy(policy), Error);
  }
  EXPECT_NO_THROW(check_policy({.forced = "kl"}));
}

}  // namespace
}  // namespace ptq
