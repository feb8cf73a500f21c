#include "calib/count_kernel.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace ptq {
namespace {

constexpr uint32_t kInfinityBits = 0x7F800000U;

// Patterns of all kinds: any bits (a few percent of them Inf or NaN), numbers around 1, many zeros.
enum class Kind { kAnyBits, kFiniteBits, kNormal, kRelu, kZero, kTiny };

float draw(Kind kind, std::mt19937& random) {
  std::normal_distribution<float> normal;
  switch (kind) {
    case Kind::kAnyBits:
      return std::bit_cast<float>(static_cast<uint32_t>(random()));
    case Kind::kFiniteBits:
      for (;;) {
        const auto bits = static_cast<uint32_t>(random());
        if ((bits & 0x7FFFFFFFU) < kInfinityBits) {
          return std::bit_cast<float>(bits);
        }
      }
    case Kind::kNormal:
      return normal(random);
    case Kind::kRelu:
      return std::max(0.0F, normal(random));
    case Kind::kZero:
      return random() % 2 == 0 ? 0.0F : -0.0F;
    case Kind::kTiny:  // denormal, around the end of the zero bucket
      return std::bit_cast<float>(static_cast<uint32_t>(random() % (1U << 19)));
  }
  return 0.0F;
}

struct Reference {
  std::vector<uint64_t> counts = std::vector<uint64_t>(kSignedKeys);
  uint32_t smallest_key = LogHistogram::kKeysPerSign - 1;
  uint32_t largest_key = 0;
  float min = std::numeric_limits<float>::infinity();
  float max = -std::numeric_limits<float>::infinity();
};

Reference reference_of(std::span<const float> values) {
  Reference reference;
  for (const float value : values) {
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t key = LogHistogram::magnitude_key(value);
    ++reference.counts[bits >> LogHistogram::kShift];
    if (key != 0) {
      reference.smallest_key = std::min(reference.smallest_key, key);
    }
    reference.largest_key = std::max(reference.largest_key, key);
    reference.min = std::min(reference.min, value);
    reference.max = std::max(reference.max, value);
  }
  return reference;
}

class CountKernelTest : public testing::TestWithParam<CountKernelVersion> {};

void expect_exact(const CountKernelVersion& version, std::span<const float> values) {
  SCOPED_TRACE(testing::Message() << version.name << ", " << values.size() << " values");
  std::vector<uint32_t> tables(kTables * kTableStride);
  const CountResult result = version.function(values, tables.data());
  const Reference expected = reference_of(values);
  uint64_t zeros = result.zeros;
  for (size_t key = 0; key < kSignedKeys; ++key) {
    uint64_t count = 0;
    for (size_t t = 0; t < kTables; ++t) {
      count += tables[t * kTableStride + key];
    }
    if (key % LogHistogram::kKeysPerSign == 0) {
      zeros += count;
    } else {
      ASSERT_EQ(count, expected.counts[key]) << "key " << key;
    }
  }
  EXPECT_EQ(zeros, expected.counts[0] + expected.counts[kSignBit]);
  EXPECT_EQ(result.largest_key, expected.largest_key);
  EXPECT_EQ(std::min(result.smallest_key, LogHistogram::kKeysPerSign - 1), expected.smallest_key);
  if (expected.largest_key < LogHistogram::kNonFiniteKey) {
    EXPECT_EQ(result.min, expected.min);  // −0 equals +0
    EXPECT_EQ(result.max, expected.max);
  }
}

TEST_P(CountKernelTest, EqualsCountingOneByOne) {
  std::mt19937 random(7);
  for (const Kind kind :
       {Kind::kAnyBits, Kind::kFiniteBits, Kind::kNormal, Kind::kRelu, Kind::kZero, Kind::kTiny}) {
    for (const size_t size : {1, 2, 7, 8, 15, 16, 17, 31, 63, 255, 1000, 1023, 1024, 1025, 1040,
                              2047, 2048, 4096, 9999}) {
      std::vector<float> values(size + 3);
      for (float& value : values) {
        value = draw(kind, random);
      }
      expect_exact(GetParam(), std::span(values).subspan(size % 3, size));  // unaligned too
    }
  }
}

// Every share of zeros takes another way through the queues.
TEST_P(CountKernelTest, EqualsCountingOneByOneForEveryShareOfZeros) {
  std::mt19937 random(8);
  for (unsigned percent = 0; percent <= 100; percent += 4) {
    std::vector<float> values(5000);
    for (float& value : values) {
      value = random() % 100 < percent ? 0.0F : draw(Kind::kNormal, random);
    }
    expect_exact(GetParam(), values);
  }
}

TEST_P(CountKernelTest, AddsToWhatTheTablesHold) {
  std::vector<uint32_t> tables(kTables * kTableStride);
  const std::vector<float> values(100, 1.5F);
  for (int i = 0; i < 3; ++i) {
    GetParam().function(values, tables.data());
  }
  uint64_t count = 0;
  for (size_t t = 0; t < kTables; ++t) {
    count += tables[t * kTableStride + LogHistogram::magnitude_key(1.5F)];
  }
  EXPECT_EQ(count, 300U);
}

INSTANTIATE_TEST_SUITE_P(Versions, CountKernelTest, testing::ValuesIn(count_kernels()),
                         [](const auto& version) { return std::string(version.param.name); });

}  // namespace
}  // namespace ptq
