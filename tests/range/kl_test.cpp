#include "range/kl.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "range/estimators.h"
#include "samples.h"

namespace ptq {
namespace {

using testing::Kind;

// KL(P‖Q) of keeping `kept` bins, spelt out bin by bin as in the reference.
double plain_divergence(const std::vector<double>& bins, size_t kept, size_t levels) {
  std::vector<double> p(bins.begin(), bins.begin() + static_cast<int64_t>(kept));
  for (size_t i = kept; i < bins.size(); ++i) {
    p[kept - 1] += bins[i];
  }
  std::vector<double> level_mass(levels, 0.0);
  std::vector<double> level_filled(levels, 0.0);
  const auto level_of = [&](size_t i) { return i * levels / kept; };
  for (size_t i = 0; i < kept; ++i) {
    if (bins[i] > 0.0) {
      level_mass[level_of(i)] += bins[i];
      level_filled[level_of(i)] += 1.0;
    }
  }
  double p_sum = 0.0;
  double q_sum = 0.0;
  std::vector<double> q(kept, 0.0);
  for (size_t i = 0; i < kept; ++i) {
    q[i] = bins[i] > 0.0 ? level_mass[level_of(i)] / level_filled[level_of(i)] : 0.0;
    p_sum += p[i];
    q_sum += q[i];
  }
  double divergence = 0.0;
  for (size_t i = 0; i < kept; ++i) {
    if (p[i] > 0.0) {
      if (q[i] == 0.0) {
        return std::numeric_limits<double>::infinity();
      }
      divergence += p[i] / p_sum * std::log((p[i] / p_sum) / (q[i] / q_sum));
    }
  }
  return divergence;
}

size_t plain_best(const std::vector<double>& bins, size_t levels) {
  double best = std::numeric_limits<double>::infinity();
  size_t best_bins = bins.size();
  for (size_t kept = levels; kept <= bins.size(); ++kept) {
    const double divergence = plain_divergence(bins, kept, levels);
    if (divergence <= best) {
      best = divergence;
      best_bins = kept;
    }
  }
  return best_bins;
}

std::vector<double> raw_bins(const std::vector<float>& values, size_t count) {
  double absmax = 0.0;
  for (const float v : values) {
    absmax = std::max(absmax, std::abs(static_cast<double>(v)));
  }
  std::vector<double> bins(count, 0.0);
  for (const float v : values) {
    const auto i =
        static_cast<size_t>(std::abs(static_cast<double>(v)) / absmax * static_cast<double>(count));
    bins[std::min(i, count - 1)] += 1.0;
  }
  bins[0] = bins[1];
  return bins;
}

TEST(KlBestBins, AgreesWithTheReferenceOnRawHistograms) {
  for (const Kind kind : {Kind::kGaussian, Kind::kLaplace, Kind::kStudent5, Kind::kOutliers20}) {
    for (const size_t levels : {16U, 32U}) {
      const std::vector<double> bins = raw_bins(testing::sample(kind, 20000), 400);
      const size_t kept = kl_best_bins(bins, levels);
      EXPECT_EQ(kept, plain_best(bins, levels)) << kind_name(kind) << " " << levels;
    }
  }
}

TEST(KlBestBins, ClipsAThinTailButNotAFlatDensity) {
  // Flat: any cut piles mass on the last bin. Two outliers far away: cutting costs next to nothing.
  std::vector<double> flat(256, 10.0);
  EXPECT_EQ(kl_best_bins(flat, 16), 256U);
  std::vector<double> peaked(256, 0.0);
  for (size_t i = 0; i < 40; ++i) {
    peaked[i] = 1000.0 * std::exp(-0.01 * static_cast<double>(i * i));
  }
  peaked[255] = 2.0;
  EXPECT_LT(kl_best_bins(peaked, 16), 64U);
}

TEST(KlBestBins, TakesTheLastOfEqualDivergences) {
  std::vector<double> bins(256, 0.0);  // every cut from 16 bins on represents them exactly
  std::fill_n(bins.begin(), 16, 1.0);
  EXPECT_EQ(kl_best_bins(bins, 16), 256U);
}

TEST(KlBestBins, KeepsAllWhenThereIsNothingToSearch) {
  EXPECT_EQ(kl_best_bins(std::vector<double>(64, 1.0), 128), 64U);
  EXPECT_EQ(kl_best_bins(std::vector<double>(64, 0.0), 16), 64U);
}

TEST(KlRange, IsNearThatOfTheRawHistogram) {
  // The log histogram is smooth where the raw one is ragged, which moves a flat optimum: the two
  // are compared by the divergence that each reaches on the raw histogram.
  const QuantScheme scheme{.dtype = DType::kInt8, .symmetric = true};
  for (const Kind kind : {Kind::kGaussian, Kind::kLaplace, Kind::kStudent5}) {
    const std::vector<float> values = testing::sample(kind, 1000000);
    const TensorStats stats = stats_of(values);
    const std::vector<double> bins = raw_bins(values, 2048);
    const Range range = estimate_kl(stats, {.scheme = scheme});
    const double absmax = static_cast<double>(std::max(-stats.min, stats.max));
    auto kept = static_cast<size_t>(std::lround(static_cast<double>(range.hi) / absmax * 2048.0));
    while (bins[kept - 1] == 0.0) {
      --kept;  // the divergence of a raw histogram is infinite there
    }
    const double best = plain_divergence(bins, kl_best_bins(bins, 128), 128);
    const double full = plain_divergence(bins, 2048, 128);
    EXPECT_LT(plain_divergence(bins, kept, 128), best + 0.1 * (full - best)) << kind_name(kind);
    EXPECT_EQ(range.lo, -range.hi);
  }
}

TEST(KlRange, UsesAllCodesOfOneSidedData) {
  // 256 levels instead of 128: at least an eighth of 2048 bins is kept, and no code goes to the
  // left.
  const std::vector<float> values = testing::sample(Kind::kReluGaussian, 100000);
  const Range range = estimate_kl(stats_of(values), {.scheme = {.dtype = DType::kUint8}});
  EXPECT_EQ(range.lo, 0.0F);
  EXPECT_GT(range.sqnr_db, 35.0);
}

}  // namespace
}  // namespace ptq
