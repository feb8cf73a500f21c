#include "ptq/log_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Any bit pattern but NaN and Inf, so that all exponents occur, and some zeros.
std::vector<float> random_patterns(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> out;
  while (out.size() < count) {
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isfinite(value)) {
      out.push_back(random() % 16 == 0 ? 0.0F : value);
    }
  }
  return out;
}

std::vector<float> normal_values(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.3F, 2.0F);
  std::vector<float> out(count);
  std::ranges::generate(out, [&] { return normal(random); });
  return out;
}

LogHistogram histogram_of(std::span<const float> values) {
  LogHistogram histogram;
  histogram.add_values(values);
  return histogram;
}

void expect_canonical(const LogHistogram::Side& side) {
  if (side.counts.empty()) {
    EXPECT_EQ(side.first_key, 0U);
    return;
  }
  EXPECT_GT(side.counts.front(), 0U);
  EXPECT_GT(side.counts.back(), 0U);
  EXPECT_LE(side.first_key + side.counts.size(), LogHistogram::kNonFiniteKey);
  EXPECT_GT(side.first_key, 0U);
}

TEST(MagnitudeKey, KnownAnswers) {
  EXPECT_EQ(LogHistogram::magnitude_key(0.0F), 0U);
  EXPECT_EQ(LogHistogram::magnitude_key(-0.0F), 0U);
  EXPECT_EQ(LogHistogram::magnitude_key(1.0F), 127U * 32U);
  EXPECT_EQ(LogHistogram::magnitude_key(-1.0F), 127U * 32U);
  EXPECT_EQ(LogHistogram::magnitude_key(2.0F), 128U * 32U);
  EXPECT_EQ(LogHistogram::magnitude_key(1.5F), 127U * 32U + 16U);
  EXPECT_EQ(LogHistogram::magnitude_key(0x1p-131F), 1U);
  EXPECT_EQ(LogHistogram::magnitude_key(std::nextafter(0x1p-131F, 0.0F)), 0U);
  EXPECT_EQ(LogHistogram::magnitude_key(kLargest), LogHistogram::kNonFiniteKey - 1);
  EXPECT_EQ(LogHistogram::magnitude_key(kInfinity), LogHistogram::kNonFiniteKey);
  EXPECT_GE(LogHistogram::magnitude_key(std::nanf("")), LogHistogram::kNonFiniteKey);
}

TEST(MagnitudeKey, LiesBetweenItsEdges) {
  for (const float value : random_patterns(100'000, 1)) {
    const uint32_t key = LogHistogram::magnitude_key(value);
    ASSERT_LE(LogHistogram::lower_edge(key), std::abs(value));
    ASSERT_GT(LogHistogram::lower_edge(key + 1), std::abs(value));
  }
}

TEST(MagnitudeKey, NormalBucketsAreAtMostOneThirtySecondWide) {
  for (uint32_t key = 32; key + 1 < LogHistogram::kNonFiniteKey; ++key) {
    const double lo = LogHistogram::lower_edge(key);
    const double hi = LogHistogram::lower_edge(key + 1);
    ASSERT_GT(hi, lo);
    ASSERT_LE((hi - lo) / lo, 1.0 / 32.0);
  }
}

TEST(LogHistogram, CountsEqualANaiveMap) {
  const std::vector<float> values = random_patterns(20'000, 2);
  std::map<std::pair<uint32_t, bool>, uint64_t> expected;
  for (const float value : values) {
    const uint32_t key = LogHistogram::magnitude_key(value);
    ++expected[{key, key != 0 && std::signbit(value)}];
  }
  const LogHistogram histogram = histogram_of(values);
  uint64_t seen = 0;
  for (uint32_t key = 0; key < LogHistogram::kNonFiniteKey; ++key) {
    for (const bool negative : {false, true}) {
      const auto found = expected.find({key, key != 0 && negative});
      ASSERT_EQ(histogram.count(key, negative), found == expected.end() ? 0 : found->second)
          << key << negative;
      seen += key == 0 && negative ? 0 : histogram.count(key, negative);
    }
  }
  EXPECT_EQ(seen, values.size());
  EXPECT_EQ(histogram.total(), values.size());
}

TEST(LogHistogram, LeavesNonFiniteValuesOut) {
  const std::vector<float> values = {std::nanf(""), -std::nanf(""), kInfinity, -kInfinity, 1.0F};
  const LogHistogram histogram = histogram_of(values);
  EXPECT_EQ(histogram.total(), 1U);
  LogHistogram other;
  EXPECT_THROW(other.add(LogHistogram::kNonFiniteKey, false, 1), Error);
  EXPECT_THROW(other.add(LogHistogram::kKeysPerSign, true, 1), Error);
}

TEST(LogHistogram, KeyZeroHasNoSign) {
  LogHistogram histogram;
  histogram.add(0, true, 2);
  histogram.add(0, false, 3);
  EXPECT_EQ(histogram.zeros(), 5U);
  EXPECT_EQ(histogram.count(0, true), 5U);
  EXPECT_EQ(histogram.total(), 5U);
  EXPECT_TRUE(histogram.negative().counts.empty());
}

// Equality of objects stands for equality of data, and files must be equal byte for byte.
TEST(LogHistogram, WindowsAreCanonicalWhateverTheOrderOfAdding) {
  LogHistogram up;
  LogHistogram down;
  for (uint32_t i = 0; i <= 50; ++i) {
    up.add(100 + 7 * i, i % 3 == 0, i % 5);  // some counts are 0
    down.add(100 + 7 * (50 - i), (50 - i) % 3 == 0, (50 - i) % 5);
  }
  EXPECT_EQ(up, down);
  for (const LogHistogram* histogram : {&up, &down}) {
    expect_canonical(histogram->positive());
    expect_canonical(histogram->negative());
  }
  LogHistogram nothing;
  nothing.add(4000, false, 0);
  nothing.add(0, false, 0);
  EXPECT_EQ(nothing, LogHistogram());
}

TEST(LogHistogram, MergeOfAnyPartitionInAnyOrderIsTheWhole) {
  std::mt19937 random(3);
  for (int round = 0; round < 30; ++round) {
    std::vector<float> values =
        round % 2 == 0 ? random_patterns(500, static_cast<uint32_t>(round)) : normal_values(500, 4);
    const LogHistogram whole = histogram_of(values);
    std::ranges::shuffle(values, random);
    std::vector<LogHistogram> parts;
    for (size_t begin = 0; begin < values.size();) {
      const size_t size = std::min<size_t>(random() % 120, values.size() - begin);  // also empty
      parts.push_back(histogram_of(std::span(values).subspan(begin, size)));
      begin += size;
    }
    LogHistogram in_order;
    LogHistogram backwards;
    for (size_t i = 0; i < parts.size(); ++i) {
      in_order.merge(parts[i]);
      backwards.merge(parts[parts.size() - 1 - i]);
    }
    // As a tree, the way threads or machines would do it.
    while (parts.size() > 1) {
      parts[parts.size() - 2].merge(parts.back());
      parts.pop_back();
      std::ranges::shuffle(parts, random);
    }
    ASSERT_EQ(in_order, whole);
    ASSERT_EQ(backwards, whole);
    ASSERT_EQ(parts[0], whole);
    expect_canonical(in_order.positive());
    expect_canonical(in_order.negative());
  }
}

TEST(LogHistogram, MergingIntoItselfDoublesTheCounts) {
  const std::vector<float> values = normal_values(100, 5);
  LogHistogram histogram = histogram_of(values);
  histogram.merge(histogram);
  LogHistogram twice = histogram_of(values);
  twice.add_values(values);
  EXPECT_EQ(histogram, twice);
}

// Every value lies in exactly one bucket, and the counts say so.
void expect_buckets_cover(const std::vector<float>& values) {
  const LogHistogram histogram = histogram_of(values);
  const auto [min, max] = std::ranges::minmax(values);
  const std::vector<LogHistogram::Bucket> buckets = histogram.buckets(min, max);
  uint64_t sum = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const LogHistogram::Bucket& bucket = buckets[i];
    ASSERT_GT(bucket.count, 0U);
    ASSERT_LE(bucket.lo, bucket.hi);
    ASSERT_TRUE(std::isfinite(bucket.lo) && std::isfinite(bucket.hi));
    if (i > 0) {
      ASSERT_GE(bucket.lo, buckets[i - 1].hi);
    }
    sum += bucket.count;
  }
  ASSERT_EQ(sum, values.size());
  // By rank: the k-th smallest value lies in the bucket that holds rank k.
  std::vector<float> sorted = values;
  std::ranges::sort(sorted);
  size_t rank = 0;
  for (const LogHistogram::Bucket& bucket : buckets) {
    for (uint64_t i = 0; i < bucket.count; ++i, ++rank) {
      const double value = sorted[rank];
      const bool is_zero_bucket = bucket.lo == 0.0 && bucket.hi == 0.0;
      ASSERT_TRUE(is_zero_bucket ? std::abs(value) < 0x1p-131
                                 : bucket.lo <= value && value <= bucket.hi)
          << value << " outside " << bucket.lo << "…" << bucket.hi;
    }
  }
  if (min != 0.0F && std::abs(min) >= 0x1p-131F) {
    EXPECT_EQ(buckets.front().lo, static_cast<double>(min)) << "the first edge is cut to min";
  }
  if (max != 0.0F && std::abs(max) >= 0x1p-131F) {
    EXPECT_EQ(buckets.back().hi, static_cast<double>(max)) << "the last edge is cut to max";
  }
}

TEST(LogHistogramBuckets, CoverExactlyTheCounts) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    expect_buckets_cover(random_patterns(300, seed));
    expect_buckets_cover(normal_values(300, seed));
    std::vector<float> one_sided = normal_values(300, seed);
    std::ranges::transform(one_sided, one_sided.begin(), [](float v) { return std::abs(v); });
    expect_buckets_cover(one_sided);
    std::ranges::transform(one_sided, one_sided.begin(), [](float v) { return -v; });
    expect_buckets_cover(one_sided);
  }
  expect_buckets_cover({kLargest, -kLargest, 0.0F, 1e-45F, -1e-45F});
  expect_buckets_cover({0.0F});
}

TEST(LogHistogramBuckets, OfAConstantAreOneNumber) {
  for (const float constant : {3.0F, -3.05F, kLargest}) {
    const std::vector<float> values(5, constant);
    const std::vector<LogHistogram::Bucket> buckets =
        histogram_of(values).buckets(constant, constant);
    ASSERT_EQ(buckets.size(), 1U);
    EXPECT_EQ(buckets[0].lo, static_cast<double>(constant));
    EXPECT_EQ(buckets[0].hi, static_cast<double>(constant));
    EXPECT_EQ(buckets[0].count, 5U);
  }
}

TEST(LogHistogramBuckets, CutOnlyTheOutermostEdges) {
  const std::vector<float> values = {-1.01F, -0.5F, 0.0F, 0.5F, 1.01F};
  const std::vector<LogHistogram::Bucket> buckets = histogram_of(values).buckets(-1.01F, 1.01F);
  ASSERT_EQ(buckets.size(), 5U);
  EXPECT_EQ(buckets[0].lo, static_cast<double>(-1.01F));
  EXPECT_EQ(buckets[0].hi, -1.0);
  EXPECT_EQ(buckets[1].lo, -0.5 * (1.0 + 1.0 / 32.0));
  EXPECT_EQ(buckets[1].hi, -0.5);
  EXPECT_EQ(buckets[2].hi, 0.0);
  EXPECT_EQ(buckets[3].lo, 0.5);
  EXPECT_EQ(buckets[3].hi, 0.5 * (1.0 + 1.0 / 32.0));
  EXPECT_EQ(buckets[4].lo, 1.0);
  EXPECT_EQ(buckets[4].hi, static_cast<double>(1.01F));
}

TEST(LogHistogramBuckets, RefuseExtremesThatAreNone) {
  EXPECT_TRUE(LogHistogram().buckets(0.0F, 0.0F).empty());
  EXPECT_THROW(LogHistogram().buckets(1.0F, 0.0F), Error);
  EXPECT_THROW(LogHistogram().buckets(std::nanf(""), 0.0F), Error);
}

}  // namespace
}  // namespace ptq
