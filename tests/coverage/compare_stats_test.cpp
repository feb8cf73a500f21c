#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/coverage.h"
#include "ptq/error.h"
#include "range/samples.h"

namespace ptq {
namespace {

using ::testing::HasSubstr;

ActivationStats stats_with(const std::vector<float>& values) {
  ActivationStats stats;
  stats.model_fingerprint = "model";
  stats.sample_hashes.resize(3);
  stats.tensors["x"] = stats_of(values);
  return stats;
}

std::vector<float> gaussian(size_t count, uint64_t seed, double scale = 1.0, double shift = 0.0) {
  testing::Sampler sampler(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(scale * sampler.gaussian() + shift);
  }
  return values;
}

TensorCoverage compared(const std::vector<float>& calibration, const std::vector<float>& production,
                        float lo, float hi) {
  return compare_stats(stats_with(calibration), stats_with(production),
                       {{"x", {"mse", {.lo = lo, .hi = hi}}}})
      .at(0);
}

std::vector<std::string> codes(const TensorCoverage& tensor) {
  std::vector<std::string> out;
  for (const CoverageGap& gap : tensor.gaps) {
    out.push_back(gap.code);
  }
  return out;
}

TEST(CompareStats, EqualStatisticsHaveNoGap) {
  const std::vector<float> values = gaussian(10000, 1);
  const auto [lo, hi] = std::ranges::minmax(values);
  const TensorCoverage same = compared(values, values, lo, hi);
  EXPECT_TRUE(same.gaps.empty());
  EXPECT_DOUBLE_EQ(same.absmax_ratio, 1.0);
  EXPECT_EQ(same.clipped, 0.0);
  EXPECT_EQ(same.js_distance, 0.0);
  EXPECT_EQ(same.ks_distance, 0.0);
}

// Buckets are 3 % wide and uniform inside, so the share differs by less than what one bucket holds.
TEST(CompareStats, ClippedShareIsThatOfTheRawValues) {
  const std::vector<float> calibration = gaussian(50000, 1);
  const std::vector<float> production = gaussian(50000, 2, 1.3);
  // Half a step of 255 beyond the range costs no more than rounding.
  for (const float bound : {0.5F, 1.0F, 2.0F, 3.0F}) {
    const TensorCoverage tensor = compared(calibration, production, -bound, bound);
    const auto beyond = std::ranges::count_if(production, [bound](float value) {
      return std::abs(value) > bound * (1.0F + 1.0F / 255.0F);
    });
    EXPECT_NEAR(tensor.clipped, static_cast<double>(beyond) / 50000.0, 0.002) << bound;
  }
}

TEST(CompareStats, RatioIsThatOfTheSideThatReachesFurther) {
  const TensorCoverage high = compared({-2.0F, 4.0F}, {-1.0F, 10.0F}, -2.0F, 4.0F);
  EXPECT_DOUBLE_EQ(high.range_ratio, 2.5);
  const TensorCoverage low = compared({-2.0F, 4.0F}, {-6.0F, 4.0F}, -1.0F, 4.0F);
  EXPECT_DOUBLE_EQ(low.absmax_ratio, 3.0);
  EXPECT_DOUBLE_EQ(low.range_ratio, 6.0);
  // Where calibration saw no negative value, a code of 255 counts as the side.
  const TensorCoverage relu = compared({0.0F, 2.55F}, {-0.02F, 2.55F}, 0.0F, 2.55F);
  EXPECT_NEAR(relu.absmax_ratio, 2.0, 1e-5);
}

TEST(CompareStats, NamesEveryKindOfGap) {
  const std::vector<float> base = gaussian(20000, 3);
  const auto [lo, hi] = std::ranges::minmax(base);
  EXPECT_THAT(codes(compared(base, gaussian(20000, 4, 3.0), lo, hi)),
              ::testing::ElementsAre("PTQ-V003", "PTQ-V004", "PTQ-V103"));
  std::vector<float> one_outlier = base;
  one_outlier[0] = 1.5F * hi;
  EXPECT_THAT(codes(compared(base, one_outlier, lo, hi)), ::testing::ElementsAre("PTQ-V102"));
  std::vector<float> few = base;  // 0.5 % just beyond the range
  std::fill_n(few.begin(), 100, 1.1F * hi);
  EXPECT_THAT(codes(compared(base, few, lo, hi)), ::testing::ElementsAre("PTQ-V101"));
  EXPECT_THAT(codes(compared(base, gaussian(20000, 5, 0.3), lo, hi)),
              ::testing::ElementsAre("PTQ-V103", "PTQ-V104"));
  EXPECT_THAT(codes(compared({0.0F, 0.0F}, {0.0F, 1.0F}, 0.0F, 0.0F)),
              ::testing::ElementsAre("PTQ-V002"));
  EXPECT_THAT(codes(compared({}, {1.0F}, 0.0F, 0.0F)), ::testing::ElementsAre("PTQ-V002"));
  EXPECT_THAT(codes(compared({1.0F, 1.0F}, {1.0F, NAN}, 0.0F, 1.0F)),
              ::testing::ElementsAre("PTQ-V001"));
  EXPECT_TRUE(compared({0.0F}, {0.0F}, 0.0F, 0.0F).gaps.empty());
  EXPECT_TRUE(compared({1.0F}, {}, 0.0F, 1.0F).gaps.empty());
}

// A range that clips on purpose clips as much of production, which is no gap.
TEST(CompareStats, WhatCalibrationClipsOnPurposeIsNoGap) {
  const std::vector<float> base = gaussian(200000, 6);
  const TensorCoverage tensor = compared(base, gaussian(200000, 7), -2.0F, 2.0F);
  EXPECT_LT(tensor.excess(), 0.001);
  EXPECT_NEAR(tensor.clipped, 0.0455, 0.002);  // beyond two standard deviations
  EXPECT_THAT(codes(tensor), ::testing::Not(::testing::Contains("PTQ-V003")));
  EXPECT_THAT(codes(tensor), ::testing::Not(::testing::Contains("PTQ-V101")));
}

TEST(CompareStats, GravestTensorComesFirst) {
  ActivationStats calibration = stats_with({-1.0F, 1.0F});
  ActivationStats production = stats_with({-1.0F, 1.0F});
  calibration.tensors["worse"] = stats_of(std::vector<float>{-1.0F, 1.0F});
  production.tensors["worse"] = stats_of(std::vector<float>{-1.0F, 9.0F});
  const Range range{.lo = -1.0F, .hi = 1.0F};
  const auto out = compare_stats(calibration, production,
                                 {{"x", {"absmax", range}}, {"worse", {"absmax", range}}});
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].name, "worse");
  EXPECT_EQ(out[0].gaps[0].severity, "error");
}

TEST(Distance, KnownValues) {
  const TensorStats a = stats_of(std::vector<float>{1.0F, 1.0F, -2.0F, 0.0F});
  const TensorStats apart = stats_of(std::vector<float>{8.0F, 8.0F});
  EXPECT_DOUBLE_EQ(js_distance(a, apart), 1.0);
  EXPECT_DOUBLE_EQ(ks_distance(a, apart), 1.0);
  const TensorStats half = stats_of(std::vector<float>{1.0F, 8.0F});
  // Shares (1, 0) against (½, ½): ½·(log2(4/3)) + ½·(½·log2(2/3) + ½·log2 2) = 0.3113.
  EXPECT_NEAR(js_distance(stats_of(std::vector<float>{1.0F}), half), std::sqrt(0.311278), 1e-5);
  EXPECT_DOUBLE_EQ(ks_distance(stats_of(std::vector<float>{1.0F}), half), 0.5);
  // Sign matters.
  EXPECT_DOUBLE_EQ(
      ks_distance(stats_of(std::vector<float>{1.0F}), stats_of(std::vector<float>{-1.0F})), 1.0);
  EXPECT_EQ(js_distance(a, TensorStats{}), 0.0);
}

TEST(Distance, IsThatOfTheRawValues) {
  std::vector<float> a = gaussian(5000, 8);
  std::vector<float> b = gaussian(5000, 9, 1.2, 0.3);
  const double found = ks_distance(stats_of(a), stats_of(b));
  std::ranges::sort(a);
  std::ranges::sort(b);
  double largest = 0.0;
  for (const float at : a) {
    const auto share = [at](const std::vector<float>& values) {
      return static_cast<double>(std::ranges::upper_bound(values, at) - values.begin()) /
             static_cast<double>(values.size());
    };
    largest = std::max(largest, std::abs(share(a) - share(b)));
  }
  EXPECT_LE(found, largest + 1e-12);  // edges are some of all places
  EXPECT_NEAR(found, largest, 0.02);  // and the steps between them are 3 % wide
  EXPECT_DOUBLE_EQ(js_distance(stats_of(a), stats_of(b)), js_distance(stats_of(b), stats_of(a)));
}

std::string refusal(const NamedStats& a, const NamedStats& b) {
  try {
    check_comparable(a, b);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInput);
    return error.what();
  }
  return {};
}

TEST(CheckComparable, RefusesWhatDoesNotBelongTogether) {
  const NamedStats a{"a.ptqstats", stats_with({1.0F})};
  NamedStats b{"b.ptqstats", stats_with({2.0F})};
  EXPECT_EQ(refusal(a, b), "");
  b.stats.model_fingerprint = "other";
  EXPECT_THAT(refusal(a, b), HasSubstr("a.ptqstats and b.ptqstats: expected statistics of one "
                                       "model"));
  b.stats.model_fingerprint = "model";
  b.stats.settings = "mask m";
  EXPECT_THAT(refusal(a, b), HasSubstr("'mask m'"));
  b.stats.settings.clear();
  b.stats.tensors["y"] = b.stats.tensors["x"];
  EXPECT_THAT(refusal(a, b), HasSubstr("a.ptqstats: expected the tensors of b.ptqstats, found "
                                       "none for y"));
  EXPECT_THAT(refusal(b, a), HasSubstr("a.ptqstats: expected the tensors of b.ptqstats"));
  b.stats.tensors.clear();
  EXPECT_THAT(refusal(a, b), HasSubstr("no values"));
  b = {"b.ptqstats", stats_with({2.0F})};
  b.stats.sample_hashes.clear();
  EXPECT_THAT(refusal(a, b), HasSubstr("b.ptqstats: expected statistics of at least one sample"));
}

TEST(CoverageFindings, AscendAndSayEverything) {
  std::string last;
  for (const CoverageFindingRow& row : coverage_findings()) {
    EXPECT_LT(last, std::string(row.code));
    last = row.code;
    EXPECT_TRUE(std::set<std::string_view>({"error", "warning", "info"}).contains(row.severity));
    for (const std::string_view text : {row.title, row.meaning, row.why, row.remedy}) {
      EXPECT_FALSE(text.empty()) << row.code;
    }
  }
}

}  // namespace
}  // namespace ptq
