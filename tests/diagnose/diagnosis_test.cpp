#include "ptq/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"
#include "range/samples.h"

namespace ptq {
namespace {

using testing::Kind;

const QuantScheme kSymmetric{.dtype = DType::kInt8, .symmetric = true};
const QuantScheme kActivation{.dtype = DType::kUint8};

const TensorStats& stats_of_kind(Kind kind) {
  static std::map<Kind, TensorStats> cache;
  auto found = cache.find(kind);
  if (found == cache.end()) {
    found = cache.emplace(kind, stats_of(testing::sample(kind, 1000000))).first;
  }
  return found->second;
}

struct Row {
  Kind kind;
  const char* estimator;
  const char* severity;
};

std::string row_name(const ::testing::TestParamInfo<Row>& info) {
  return kind_name(info.param.kind);
}

class Distribution : public ::testing::TestWithParam<Row> {};

// The table of well-known shapes: light tails, heavy tails, structured outliers.
TEST_P(Distribution, GetsARangeWithinHalfADecibelOfTheBest) {
  const Row& row = GetParam();
  for (const QuantScheme& scheme : {kActivation, kSymmetric}) {
    const TensorDiagnosis d = diagnose_tensor("x", stats_of_kind(row.kind), scheme, {});
    double best_db = 0.0;
    for (const auto& [name, range] : d.candidates) {
      best_db = std::max(best_db, range.sqnr_db);
    }
    EXPECT_GE(d.range.sqnr_db, best_db - 0.5) << d.reason;
    EXPECT_EQ(d.candidates.count("kl"), 0U);
    EXPECT_EQ(d.estimator, row.estimator) << d.reason;
    EXPECT_EQ(d.severity, row.severity) << d.sqnr_db_8;
    EXPECT_EQ(d.range.hi, d.candidates.at(d.estimator).hi);
    EXPECT_LT(d.sqnr_db_4, d.sqnr_db_8);
  }
}

INSTANTIATE_TEST_SUITE_P(Known, Distribution,
                         ::testing::Values(Row{Kind::kGaussian, "mse", "easy"},
                                           Row{Kind::kLaplace, "mse", "easy"},
                                           Row{Kind::kStudent5, "mse", "moderate"},
                                           Row{Kind::kRelu6, "absmax", "easy"},
                                           Row{Kind::kOutliers20, "absmax", "moderate"},
                                           Row{Kind::kOutliers60, "mse", "hard"},
                                           Row{Kind::kOutliers300, "mse", "hard"}),
                         row_name);

TEST(Diagnosis, NeverTakesTheDangerousPercentile) {
  // 99.99 % with 1e-4 outliers at 20 sigma cuts the outliers off.
  const TensorDiagnosis d = diagnose_tensor("x", stats_of_kind(Kind::kOutliers20), kSymmetric,
                                            {.low_ratio = 1.0, .percentile = 99.98});
  EXPECT_LT(d.candidates.at("percentile").sqnr_db, d.candidates.at("absmax").sqnr_db - 5.0);
  EXPECT_NE(d.estimator, "percentile");
}

TEST(Diagnosis, CarriesTheFigures) {
  std::vector<float> values = testing::sample(Kind::kReluGaussian, 100000);
  const TensorDiagnosis d = diagnose_tensor("relu", stats_of(values), kActivation, {});
  EXPECT_EQ(d.name, "relu");
  EXPECT_NEAR(d.zero_share, 0.5, 0.01);
  EXPECT_EQ(d.min, 0.0F);
  EXPECT_EQ(d.max, *std::max_element(values.begin(), values.end()));
  EXPECT_NEAR(d.outlier_ratio, static_cast<double>(d.max) / 2.576, 0.05);
  EXPECT_NEAR(d.expected_ratio, std::log(50000.0) / std::log(100.0), 0.01);
}

TEST(Diagnosis, TheExpectedRatioIsThatOfALaplaceTensor) {
  const TensorDiagnosis d = diagnose_tensor("x", stats_of_kind(Kind::kLaplace), kActivation, {});
  EXPECT_NEAR(d.expected_ratio, 3.0, 1e-9);
  EXPECT_NEAR(d.outlier_ratio, d.expected_ratio, 0.9);  // the largest of a million scatters
}

TEST(Diagnosis, KlIsThereOnlyWhenForced) {
  const TensorDiagnosis d =
      diagnose_tensor("x", stats_of_kind(Kind::kGaussian), kActivation, {.forced = "kl"});
  EXPECT_EQ(d.estimator, "kl");
  EXPECT_EQ(d.candidates.count("kl"), 1U);
  EXPECT_THROW(
      diagnose_tensor("x", stats_of_kind(Kind::kGaussian), kActivation, {.forced = "entropy"}),
      Error);
}

TEST(Diagnosis, SurvivesTensorsWithoutShape) {
  constexpr float kMax = std::numeric_limits<float>::max();
  const std::vector<std::vector<float>> odd = {
      {}, {0.0F}, {3.7F}, {-3.7F}, {1e-42F, -1e-43F}, {-kMax, kMax}, {std::nanf("")}};
  for (const auto& values : odd) {
    for (const std::string forced : {"", "absmax", "percentile", "mse", "kl"}) {
      const TensorDiagnosis d =
          diagnose_tensor("odd", stats_of(values), kActivation, {.forced = forced});
      EXPECT_FALSE(std::isnan(d.sqnr_db_8) || std::isnan(d.sqnr_db_4)) << d.reason;
      EXPECT_FALSE(std::isnan(d.outlier_ratio) || std::isnan(d.expected_ratio)) << d.reason;
      EXPECT_TRUE(std::isfinite(d.range.lo) && std::isfinite(d.range.hi)) << d.reason;
      EXPECT_FALSE(d.reason.empty());
      EXPECT_EQ(d.candidates.count(d.estimator), 1U);
    }
  }
}

TEST(Diagnosis, OtherWidthsAreJudgedAtEightBits) {
  const TensorStats& stats = stats_of_kind(Kind::kGaussian);
  const TensorDiagnosis eight = diagnose_tensor("x", stats, kActivation, {});
  const TensorDiagnosis sixteen = diagnose_tensor("x", stats, {.dtype = DType::kUint16}, {});
  const TensorDiagnosis four = diagnose_tensor("x", stats, {.dtype = DType::kUint4}, {});
  EXPECT_EQ(sixteen.sqnr_db_8, eight.sqnr_db_8);
  EXPECT_EQ(four.sqnr_db_8, eight.sqnr_db_8);
  EXPECT_EQ(sixteen.sqnr_db_4, four.sqnr_db_4);
  EXPECT_GT(sixteen.range.sqnr_db, 70.0);
}

TEST(Diagnose, SortsTheHardestFirstWhateverTheThreads) {
  ActivationStats stats;
  stats.tensors["gauss"] = stats_of_kind(Kind::kGaussian);
  stats.tensors["spiky"] = stats_of_kind(Kind::kOutliers300);
  stats.tensors["heavy"] = stats_of_kind(Kind::kStudent5);
  stats.tensors["zero_b"] = stats_of(std::vector<float>(10, 0.0F));
  stats.tensors["zero_a"] = stats.tensors["zero_b"];
  const SchemeOf scheme_of = [](const std::string& name) {
    return name == "gauss" ? kSymmetric : kActivation;
  };
  const std::vector<TensorDiagnosis> one = diagnose(stats, scheme_of, {}, 1);
  std::vector<std::string> names;
  for (const TensorDiagnosis& d : one) {
    names.push_back(d.name);
  }
  EXPECT_THAT(names, ::testing::ElementsAre("spiky", "heavy", "gauss", "zero_a", "zero_b"));
  EXPECT_EQ(one[2].range.lo, -one[2].range.hi);  // its own scheme
  const std::vector<TensorDiagnosis> four = diagnose(stats, scheme_of, {}, 4);
  ASSERT_EQ(four.size(), one.size());
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(four[i].name, one[i].name);
    EXPECT_EQ(four[i].reason, one[i].reason);
    EXPECT_EQ(four[i].range.lo, one[i].range.lo);
    EXPECT_EQ(four[i].range.hi, one[i].range.hi);
  }
}

TEST(Diagnose, OfNothingIsNothing) {
  EXPECT_TRUE(diagnose({}, [](const std::string&) { return kActivation; }, {}).empty());
}

}  // namespace
}  // namespace ptq
