#include "measure/paired_runs.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ptq/error.h"

namespace ptq {
namespace {

using testing::ElementsAre;

// A clock that only the measured bodies advance.
struct Fake {
  double now_ms = 0.0;
  std::string order{};

  PairedTimes run(PairedOptions options) {
    options.clock_ms = [this] { return now_ms; };
    return run_paired(
        [this](size_t i) {
          order += "a" + std::to_string(i) + " ";
          now_ms += 10.0 + static_cast<double>(i);
        },
        [this](size_t i) {
          order += "b" + std::to_string(i) + " ";
          now_ms += 5.0;
        },
        options);
  }
};

TEST(PairedRuns, AlternateTheirOrderAndDropTheWarmUp) {
  Fake fake;
  const PairedTimes times = fake.run({.runs = 3, .warmup = 1});
  EXPECT_EQ(fake.order, "a0 b0 b1 a1 a2 b2 b3 a3 ");
  EXPECT_THAT(times.first_ms, ElementsAre(11.0, 12.0, 13.0));
  EXPECT_THAT(times.second_ms, ElementsAre(5.0, 5.0, 5.0));
}

TEST(PairedRuns, TellProgressWarmUpIncluded) {
  Fake fake;
  std::string seen;
  fake.run({.runs = 2, .warmup = 1, .progress = [&](size_t done, size_t total) {
              seen += std::to_string(done) + "/" + std::to_string(total) + " ";
            }});
  EXPECT_EQ(seen, "1/3 2/3 3/3 ");
}

TEST(PairedRuns, StopWhenTold) {
  Fake fake;
  std::atomic<bool> stop = true;
  try {
    fake.run({.runs = 2, .stop = &stop});
    FAIL() << "was not interrupted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInterrupted);
  }
  EXPECT_EQ(fake.order, "");
}

}  // namespace
}  // namespace ptq
