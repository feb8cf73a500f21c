#include "calib/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr double kMax = std::numeric_limits<double>::max();
constexpr double kMin = std::numeric_limits<double>::min();          // smallest normal number
constexpr double kTiny = std::numeric_limits<double>::denorm_min();  // 2^−1074
constexpr double kInfinity = std::numeric_limits<double>::infinity();

ExactSum sum_of(const std::vector<double>& values) {
  ExactSum sum;
  for (const double value : values) {
    sum.add(value);
  }
  return sum;
}

// Any finite pattern: normal and denormal numbers of all magnitudes and both signs.
double any_finite(std::mt19937_64& random) {
  for (;;) {
    const auto x = std::bit_cast<double>(static_cast<uint64_t>(random()));
    if (std::isfinite(x)) {
      return x;
    }
  }
}

std::vector<double> finite_numbers(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> values(count);
  for (double& value : values) {
    value = any_finite(random);
  }
  return values;
}

TEST(ExactSum, GivesKnownAnswers) {
  EXPECT_EQ(ExactSum().value(), 0.0);
  EXPECT_EQ(sum_of({0.0, -0.0}).value(), 0.0);
  EXPECT_FALSE(std::signbit(sum_of({-0.0}).value()));
  EXPECT_EQ(sum_of({1.0, 2.0, -3.5}).value(), -0.5);
  EXPECT_EQ(sum_of({1e300, 1.0, -1e300}).value(), 1.0);  // plain addition gives 0
  EXPECT_EQ(sum_of({kMax, kTiny, -kMax}).value(), kTiny);
  EXPECT_EQ(sum_of({0.1, 0.2, 0.3}).value(), 0.6);  // plain addition gives 0.6000000000000001
  EXPECT_EQ(sum_of({kMin, -kTiny}).value(), std::nextafter(kMin, 0.0));  // denormal
  EXPECT_EQ(sum_of({kTiny, kTiny, kTiny}).value(), 3 * kTiny);
}

TEST(ExactSum, RoundsToNearestEven) {
  const double ulp = std::ldexp(1.0, -52);
  EXPECT_EQ(sum_of({1.0, ulp / 2}).value(), 1.0);                      // tie, down to even
  EXPECT_EQ(sum_of({1.0 + ulp, ulp / 2}).value(), 1.0 + 2 * ulp);      // tie, up to even
  EXPECT_EQ(sum_of({1.0, ulp / 2, kTiny}).value(), 1.0 + ulp);         // above the tie
  EXPECT_EQ(sum_of({1.0 + ulp, ulp / 2, -kTiny}).value(), 1.0 + ulp);  // below it
  EXPECT_EQ(sum_of({-1.0, -ulp / 2}).value(), -1.0);
  EXPECT_EQ(sum_of({-1.0, -ulp / 2, -kTiny}).value(), -1.0 - ulp);
  EXPECT_EQ(sum_of({2.0 - ulp, ulp / 2}).value(), 2.0);                // carries into a new bit
  EXPECT_EQ(sum_of({kMax, std::ldexp(1.0, 969)}).value(), kMax);       // a quarter ulp
  EXPECT_EQ(sum_of({kMax, std::ldexp(1.0, 970)}).value(), kInfinity);  // tie: 2^1024 is even
  EXPECT_EQ(sum_of({-kMax, -kMax}).value(), -kInfinity);
  EXPECT_EQ(sum_of({kMax, kMax, -kMax}).value(), kMax);  // not lost beyond the range
}

// Numbers m · 2^e with e in [0, 50], so that __int128 holds every sum exactly; its conversion to
// double rounds to nearest even too. `scale` moves the whole over the exponent range.
void expect_equal_to_int128(std::mt19937_64& random, int scale) {
  __extension__ using Int128 = __int128;
  Int128 expected = 0;
  ExactSum sum;
  const size_t count = 1 + random() % 300;
  for (size_t i = 0; i < count; ++i) {
    const auto mantissa = static_cast<int64_t>(random() >> 11) * (random() % 2 == 0 ? 1 : -1);
    const auto exponent = static_cast<int>(random() % 51);
    expected += Int128{mantissa} << exponent;
    sum.add(std::ldexp(static_cast<double>(mantissa), exponent + scale));
  }
  EXPECT_EQ(sum.value(), std::ldexp(static_cast<double>(expected), scale));
}

TEST(ExactSum, EqualsIntegerArithmetic) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 2000; ++round) {
    // Not so low that ldexp would round once more, and such that 300 · 2^103 stays finite.
    expect_equal_to_int128(random, static_cast<int>(random() % 1900) - 1000);
  }
}

TEST(ExactSum, DoesNotDependOnOrderOrPartition) {
  std::mt19937_64 random(12);
  for (uint64_t round = 0; round < 60; ++round) {
    std::vector<double> values = finite_numbers(1 + random() % 200, round);
    values.push_back(-values.front());
    const ExactSum whole = sum_of(values);
    std::shuffle(values.begin(), values.end(), random);
    std::vector<ExactSum> parts(1 + random() % 7);
    for (const double value : values) {
      parts[random() % parts.size()].add(value);
    }
    std::shuffle(parts.begin(), parts.end(), random);
    ExactSum merged;
    for (const ExactSum& part : parts) {
      merged.merge(part);
    }
    EXPECT_EQ(merged, whole);
    EXPECT_EQ(merged.canonical(), whole.canonical());
    EXPECT_EQ(merged.value(), whole.value());
  }
}

TEST(ExactSum, CancelsToTheEmptyForm) {
  std::mt19937_64 random(13);
  std::vector<double> values = finite_numbers(500, 14);
  ExactSum sum = sum_of(values);
  std::shuffle(values.begin(), values.end(), random);
  for (const double value : values) {
    sum.add(-value);
  }
  EXPECT_EQ(sum, ExactSum());
  EXPECT_EQ(sum.canonical(), ExactSum::Canonical());
}

TEST(ExactSum, ToldApartWhereTheirRoundedValuesAreEqual) {
  EXPECT_EQ(sum_of({1.0, kTiny}).value(), sum_of({1.0}).value());
  EXPECT_FALSE(sum_of({1.0, kTiny}) == sum_of({1.0}));
  EXPECT_FALSE(sum_of({1.0}) == sum_of({-1.0}));
}

TEST(ExactSum, HasOneCanonicalForm) {
  const ExactSum::Canonical one = sum_of({1.0}).canonical();
  EXPECT_EQ(one.first_limb, 1074U / 32);
  EXPECT_EQ(one.limbs, std::vector<uint32_t>{1U << (1074 % 32)});
  EXPECT_FALSE(one.negative);
  const ExactSum::Canonical lowest = sum_of({-kTiny}).canonical();
  EXPECT_EQ(lowest, (ExactSum::Canonical{true, 0, {1}}));
  // 2^−1042 − 2^−1074: a borrow through a whole limb.
  EXPECT_EQ(sum_of({std::ldexp(1.0, -1042), -kTiny}).canonical(),
            (ExactSum::Canonical{false, 0, {0xFFFFFFFFU}}));
  EXPECT_EQ(sum_of({-std::ldexp(1.0, -1042), kTiny}).canonical(),
            (ExactSum::Canonical{true, 0, {0xFFFFFFFFU}}));
}

TEST(ExactSum, ReturnsFromItsCanonicalForm) {
  for (uint64_t round = 0; round < 50; ++round) {
    const ExactSum sum = sum_of(finite_numbers(20, round));
    const ExactSum::Canonical form = sum.canonical();
    ASSERT_TRUE(ExactSum::is_canonical(form));
    ExactSum back = ExactSum::from_canonical(form);
    EXPECT_EQ(back, sum);
    EXPECT_EQ(back.canonical(), form);
    back.add(0.75);  // goes on adding
    ExactSum expected = sum;
    expected.add(0.75);
    EXPECT_EQ(back, expected);
  }
  EXPECT_EQ(ExactSum::from_canonical({}), ExactSum());
}

TEST(ExactSum, RefusesOtherForms) {
  EXPECT_TRUE(ExactSum::is_canonical({}));
  EXPECT_FALSE(ExactSum::is_canonical({true, 0, {}}));       // −0
  EXPECT_FALSE(ExactSum::is_canonical({false, 3, {}}));      // zero at another place
  EXPECT_FALSE(ExactSum::is_canonical({false, 3, {0, 1}}));  // a zero limb below
  EXPECT_FALSE(ExactSum::is_canonical({false, 3, {1, 0}}));  // and above
  const auto limbs = static_cast<uint32_t>(ExactSum::kMaxLimbs);
  EXPECT_TRUE(ExactSum::is_canonical({false, limbs - 1, {1}}));
  EXPECT_FALSE(ExactSum::is_canonical({false, limbs, {1}}));
  EXPECT_FALSE(ExactSum::is_canonical({false, limbs - 1, {1, 1}}));
  EXPECT_FALSE(ExactSum::is_canonical({false, 0xFFFFFFFFU, {1, 1}}));
  EXPECT_THROW(ExactSum::from_canonical({true, 0, {}}), Error);
}

TEST(ExactSum, ReturnsFromItsBytes) {
  std::string bytes;
  std::vector<ExactSum> sums = {ExactSum(), sum_of({-kTiny}), sum_of({kMax, kMax}), sum_of({-0.1})};
  for (uint64_t round = 0; round < 20; ++round) {
    sums.push_back(sum_of(finite_numbers(1 + round, round)));
  }
  for (const ExactSum& sum : sums) {
    sum.append_bytes(bytes);
  }
  EXPECT_EQ(bytes.substr(0, 7), std::string("\0\3\0\1\0\0\0", 7));  // 0, then −2^−1074
  std::string_view rest = bytes;
  for (const ExactSum& sum : sums) {
    const std::optional<ExactSum> back = ExactSum::take_bytes(rest);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, sum);
  }
  EXPECT_TRUE(rest.empty());
}

TEST(ExactSum, RefusesOtherBytes) {
  std::string bytes;
  sum_of({1.0, 1e-9}).append_bytes(bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string_view part = std::string_view(bytes).substr(0, size);
    EXPECT_FALSE(ExactSum::take_bytes(part).has_value());
    EXPECT_EQ(part.size(), size);
  }
  for (const std::string& wrong : {std::string("\1"), std::string("\2\0\0\0\0\0", 6),
                                   std::string("\2\x44\1\0\0\0", 6), std::string(300, '\xFF')}) {
    std::string_view view = wrong;
    EXPECT_FALSE(ExactSum::take_bytes(view).has_value());
    EXPECT_EQ(view.size(), wrong.size());
  }
}

// Doubling by merging reaches more addends than any loop: 2^64 of the largest number still have a
// form that a file may hold, and many more are still exact.
TEST(ExactSum, DoesNotOverflowWithTheNumberOfAddends) {
  ExactSum sum = sum_of({-kMax});
  ExactSum small = sum_of({kTiny});
  for (int i = 0; i < 64; ++i) {
    sum.merge(sum);
    small.merge(small);
  }
  EXPECT_EQ(small.value(), std::ldexp(kTiny, 64));
  EXPECT_EQ(sum.value(), -kInfinity);
  EXPECT_TRUE(ExactSum::is_canonical(sum.canonical()));
  for (int i = 64; i < 500; ++i) {
    sum.merge(sum);
    small.merge(small);
  }
  EXPECT_EQ(small.value(), std::ldexp(kTiny, 500));
  ExactSum opposite = sum_of({kMax});
  for (int i = 0; i < 500; ++i) {
    opposite.merge(opposite);
  }
  opposite.add(1.5);
  sum.merge(opposite);
  EXPECT_EQ(sum.value(), 1.5);
}

// Additions without a merge in between: the largest changes of a chunk, of one sign.
TEST(ExactSum, CarriesAfterManyAdditions) {
  const double ones = std::ldexp(static_cast<double>((uint64_t{1} << 53) - 1), -1074);
  ExactSum sum;
  constexpr int kAdditions = 1 << 20;
  for (int i = 0; i < kAdditions; ++i) {
    sum.add(ones);
  }
  EXPECT_EQ(sum, sum_of({ones * kAdditions}));
  EXPECT_EQ(sum.canonical().limbs.size(), 3U);  // 53 + 20 bits
}

TEST(ExactSum, RefusesWhatIsNoNumber) {
  ExactSum sum = sum_of({1.0});
  EXPECT_THROW(sum.add(kInfinity), Error);
  EXPECT_THROW(sum.add(-kInfinity), Error);
  EXPECT_THROW(sum.add(std::numeric_limits<double>::quiet_NaN()), Error);
  EXPECT_EQ(sum.value(), 1.0);
}

}  // namespace
}  // namespace ptq
