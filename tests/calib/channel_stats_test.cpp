#include "calib/channel_stats.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calib/channel_tensors.h"
#include "ptq/error.h"
#include "ptq/tensor.h"

namespace ptq {
namespace {

using testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

size_t size_of(const Shape& shape) {
  return static_cast<size_t>(element_count(shape));
}

// The values of one channel of a plain tensor.
std::vector<float> channel_values(const Stored& tensor, size_t axis, size_t channel) {
  const size_t inner = std::accumulate(
      tensor.shape.begin() + static_cast<ptrdiff_t>(axis) + 1, tensor.shape.end(), size_t{1},
      [](size_t product, int64_t n) { return product * static_cast<size_t>(n); });
  const auto channels = static_cast<size_t>(tensor.shape[axis]);
  std::vector<float> out;
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    if (i / inner % channels == channel) {
      out.push_back(tensor.values[i]);
    }
  }
  return out;
}

// `tolerance` is relative to Σ|x|: sums of a sample round, in one order or another.
void expect_brute_force(const ChannelStats& stats, const Stored& tensor, size_t axis,
                        double tolerance) {
  ASSERT_EQ(stats.channels(), static_cast<size_t>(tensor.shape[axis]));
  for (size_t c = 0; c < stats.channels(); ++c) {
    SCOPED_TRACE(testing::Message() << shape_text(tensor.shape) << " channel " << c);
    const std::vector<float> values = channel_values(tensor, axis, c);
    long double sum = 0;
    long double abs_sum = 0;
    for (const float value : values) {
      sum += value;
      abs_sum += std::fabs(value);
    }
    EXPECT_EQ(stats.count[c], values.size());
    EXPECT_EQ(stats.nonfinite[c], 0U);
    EXPECT_EQ(stats.min[c], *std::min_element(values.begin(), values.end()));
    EXPECT_EQ(stats.max[c], *std::max_element(values.begin(), values.end()));
    EXPECT_EQ(stats.absmax(c), std::max(-stats.min[c], stats.max[c]));
    const double allowed = tolerance * static_cast<double>(abs_sum);
    EXPECT_NEAR(stats.sum[c].value(), static_cast<double>(sum), allowed);
    EXPECT_NEAR(stats.abs_sum[c].value(), static_cast<double>(abs_sum), allowed);
    EXPECT_EQ(stats.mean(c), stats.sum[c].value() / static_cast<double>(values.size()));
    EXPECT_EQ(stats.mean_abs(c), stats.abs_sum[c].value() / static_cast<double>(values.size()));
  }
}

ChannelStats stats_of(const Stored& tensor, int64_t axis, int64_t stacked = 1) {
  ChannelStats stats;
  add_channels(tensor.observed(), axis, stacked, stats);
  return stats;
}

TEST(ChannelStats, EqualsBruteForceForEveryAxis) {
  unsigned seed = 0;
  for (const Shape& shape : {Shape{1, 3, 5, 7}, Shape{2, 17, 9, 4}, Shape{1, 16, 1, 1},
                             Shape{3, 40, 33}, Shape{1, 1, 64}, Shape{5, 31}, Shape{2, 6, 48},
                             Shape{1, 12, 197}, Shape{19}, Shape{1, 8, 3, 2, 5}}) {
    for (int64_t axis = 0; axis < static_cast<int64_t>(shape.size()); ++axis) {
      const auto rank = static_cast<int64_t>(shape.size());
      const Stored general = plain_tensor(shape, ++seed);
      expect_brute_force(stats_of(general, axis), general, static_cast<size_t>(axis), 1e-14);
      EXPECT_EQ(stats_of(general, axis - rank), stats_of(general, axis));
      const Stored integers = plain_tensor(shape, ++seed, true);  // sums without rounding
      expect_brute_force(stats_of(integers, axis), integers, static_cast<size_t>(axis), 0.0);
    }
  }
}

TEST(ChannelStats, LeavesPaddingOfTheBlockedLayoutOut) {
  unsigned seed = 100;
  for (const Shape& shape : {Shape{1, 5, 3, 4}, Shape{2, 16, 5, 5}, Shape{3, 33, 2, 7},
                             Shape{1, 24, 1, 1}, Shape{1, 40, 6, 1}}) {
    for (const size_t block : {8U, 16U}) {
      const Stored general = plain_tensor(shape, ++seed);
      expect_brute_force(stats_of(blocked_tensor(general, block), 1), general, 1, 1e-14);
      EXPECT_EQ(stats_of(blocked_tensor(general, block), -3),
                stats_of(blocked_tensor(general, block), 1));
      const Stored integers = plain_tensor(shape, ++seed, true);
      EXPECT_EQ(stats_of(blocked_tensor(integers, block), 1), stats_of(integers, 1));
    }
  }
}

TEST(ChannelStats, DoesNotDependOnHowSamplesAreStacked) {
  for (const int64_t axis : {1, -1}) {
    const Stored stacked = plain_tensor({6, 20, 5, 18}, 200);
    for (const int64_t samples : {2, 3, 6}) {
      Shape shape = stacked.shape;
      shape[0] /= samples;
      ChannelStats apart;
      for (int64_t sample = samples; sample-- > 0;) {  // and in another order
        const auto size = static_cast<ptrdiff_t>(size_of(shape));
        const auto first = stacked.values.begin() + sample * size;
        const Stored part{{first, first + size}, shape};
        apart.merge(stats_of(part, axis));
      }
      EXPECT_EQ(stats_of(stacked, axis, samples), apart) << samples << " samples, axis " << axis;
      EXPECT_EQ(stats_of(blocked_tensor(stacked, 8), 1, samples), [&] {
        ChannelStats sum;
        for (int64_t sample = 0; sample < samples; ++sample) {
          const auto size = static_cast<ptrdiff_t>(size_of(shape));
          const auto first = stacked.values.begin() + sample * size;
          add_channels(blocked_tensor({{first, first + size}, shape}, 8).observed(), 1, 1, sum);
        }
        return sum;
      }());
    }
  }
}

TEST(ChannelStats, DoesNotDependOnOrderOrPartition) {
  std::mt19937 random(7);
  std::vector<Stored> samples;
  ChannelStats whole;
  for (unsigned i = 0; i < 40; ++i) {  // variable length
    samples.push_back(plain_tensor({1, 1 + static_cast<int64_t>(random() % 9), 21}, 300 + i));
    add_channels(samples.back().observed(), -1, 1, whole);
  }
  for (int round = 0; round < 20; ++round) {
    std::shuffle(samples.begin(), samples.end(), random);
    std::vector<ChannelStats> parts(1 + random() % 6);
    for (const Stored& sample : samples) {
      add_channels(sample.observed(), 2, 1, parts[random() % parts.size()]);
    }
    ChannelStats merged;
    for (const ChannelStats& part : parts) {
      merged.merge(part);
    }
    ASSERT_EQ(merged, whole);
  }
}

TEST(ChannelStats, CountsNonFiniteValuesApart) {
  const Stored odd{{1.0F, kInfinity, 2.0F, -3.0F, std::nanf(""), -kInfinity}, {3, 2}};
  const ChannelStats rows = stats_of(odd, 1);
  EXPECT_EQ(rows.count, (std::vector<uint64_t>{2, 1}));
  EXPECT_EQ(rows.nonfinite, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(rows.min, (std::vector<float>{1.0F, -3.0F}));
  EXPECT_EQ(rows.max, (std::vector<float>{2.0F, -3.0F}));
  EXPECT_EQ(rows.mean(0), 1.5);
  EXPECT_EQ(rows.mean(1), -3.0);
  EXPECT_EQ(rows.mean_abs(1), 3.0);
  const ChannelStats columns = stats_of(odd, 0);
  EXPECT_EQ(columns.count, (std::vector<uint64_t>{1, 2, 0}));
  EXPECT_EQ(columns.min[2], 0.0F);
  EXPECT_EQ(columns.mean(2), 0.0);
  ChannelStats merged = columns;  // a channel without values widens nothing
  merged.merge(stats_of({{5.0F, 5.0F, 5.0F, 5.0F, 5.0F, 5.0F}, {3, 2}}, 0));
  EXPECT_EQ(merged.min, (std::vector<float>{1.0F, -3.0F, 5.0F}));
}

TEST(ChannelStats, KeepsNoSignOfZero) {
  EXPECT_FALSE(std::signbit(stats_of({{-0.0F}, {1, 1}}, 1).min[0]));
  EXPECT_FALSE(std::signbit(stats_of({{-0.0F}, {1, 1}}, 1).max[0]));
}

TEST(ChannelStats, TakesEmptyTensors) {
  ChannelStats stats = stats_of({{}, {0, 4, 3}}, 1);
  EXPECT_EQ(stats.channels(), 4U);
  EXPECT_EQ(stats.count[0], 0U);
  EXPECT_EQ(stats.mean(0), 0.0);
  const Stored values = plain_tensor({2, 4, 3}, 1);
  stats.merge(stats_of(values, 1));
  EXPECT_EQ(stats, stats_of(values, 1));
  stats.merge({});
  EXPECT_EQ(stats, stats_of(values, 1));
}

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInput);
    return error.what();
  }
  return "";
}

TEST(ChannelStats, RefusesWhatDoesNotFit) {
  const Stored tensor = plain_tensor({4, 6}, 1);
  EXPECT_THAT(message_of([&] { stats_of(tensor, 2); }), HasSubstr("axis 2, found shape [4,6]"));
  EXPECT_THAT(message_of([&] { stats_of(tensor, -3); }), HasSubstr("axis -3"));
  EXPECT_THAT(message_of([&] { stats_of(tensor, 1, 3); }), HasSubstr("3 samples along axis 0"));
  EXPECT_THAT(message_of([&] { stats_of(tensor, 0, 2); }), HasSubstr("2 samples"));
  EXPECT_THAT(message_of([&] { stats_of(tensor, 1, 0); }), HasSubstr("0 samples"));
  EXPECT_THAT(message_of([&] {
                stats_of(blocked_tensor(plain_tensor({1, 6, 2, 2}, 1), 8), -1);
              }),
              HasSubstr("axis 1 of a convolution"));
  ChannelStats stats = stats_of(tensor, 1);
  EXPECT_THAT(message_of([&] { add_channels(tensor.observed(), 0, 1, stats); }),
              HasSubstr("6 channels as before"));
  EXPECT_THAT(message_of([&] { stats.merge(stats_of(tensor, 0)); }),
              HasSubstr("expected 6 channels, found 4"));
}

}  // namespace
}  // namespace ptq
