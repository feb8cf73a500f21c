#include "core/parallel.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#ifdef __linux__
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace ptq {
namespace {

TEST(ResolveThreads, KeepsARequestAndFillsInZero) {
  EXPECT_EQ(resolve_threads(7), 7);
  EXPECT_GE(resolve_threads(0), 1);
  EXPECT_EQ(resolve_threads(-3), resolve_threads(0));
}

TEST(ParallelFor, CallsEachIndexOnceWithAWorkerInRange) {
  for (const int threads : {-1, 0, 1, 2, 3, 16}) {
    for (const size_t count : {0U, 1U, 2U, 5U, 1000U}) {
      std::vector<std::atomic<int>> calls(count);
      std::atomic<bool> in_range = true;
      parallel_for(count, threads, [&](size_t i, int worker) {
        ++calls[i];
        in_range = in_range && worker >= 0 && worker < std::max(1, threads);
      });
      EXPECT_TRUE(in_range) << threads << " threads";
      for (size_t i = 0; i < count; ++i) {
        EXPECT_EQ(calls[i], 1) << "index " << i << " of " << count << ", " << threads << " threads";
      }
    }
  }
}

// Two bodies that run at once must have different worker numbers: callers keep buffers by worker.
TEST(ParallelFor, NoTwoThreadsShareAWorkerNumber) {
  constexpr int kThreads = 4;
  std::array<std::atomic<int>, kThreads> inside{};
  std::atomic<bool> shared = false;
  parallel_for(2000, kThreads, [&](size_t, int worker) {
    auto& here = inside[static_cast<size_t>(worker)];
    shared = shared || ++here != 1;
    std::this_thread::yield();
    --here;
  });
  EXPECT_FALSE(shared);
}

TEST(ParallelFor, OneThreadGoesInOrderOnTheCallersThread) {
  std::vector<size_t> order;
  const auto caller = std::this_thread::get_id();
  parallel_for(5, 1, [&](size_t i, int worker) {
    EXPECT_EQ(worker, 0);
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(i);
  });
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 3, 4}));
}

TEST(ParallelFor, ThrowsTheExceptionOfTheLowestIndexForAnyNumberOfThreads) {
  const std::set<size_t> bad = {13, 14, 15, 40, 99};
  for (const int threads : {1, 2, 3, 8}) {
    for (int round = 0; round < 20; ++round) {
      try {
        parallel_for(100, threads, [&](size_t i, int) {
          if (bad.contains(i)) {
            if (i == 13) {
              std::this_thread::yield();  // lets later ones fail first
            }
            throw std::runtime_error(std::to_string(i));
          }
        });
        FAIL() << "no exception with " << threads << " threads";
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "13") << threads << " threads";
      }
    }
  }
}

// Two bodies fail at once; the one in `first` before the other.
void expect_lowest_of_two(size_t first) {
  std::atomic<int> running = 0;
  try {
    parallel_for(2, 2, [&](size_t i, int) {
      ++running;
      while (running < 2) {  // so that both were handed out
        std::this_thread::yield();
      }
      if (i != first) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
      throw std::runtime_error(std::to_string(i));
    });
    FAIL() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "0") << first << " failed first";
  }
}

TEST(ParallelFor, WhichBodyFailsFirstMakesNoDifference) {
  expect_lowest_of_two(0);
  expect_lowest_of_two(1);
}

TEST(ParallelFor, StopsHandingOutIndicesAfterAFailure) {
  std::atomic<size_t> calls = 0;
  EXPECT_THROW(parallel_for(1'000'000, 4,
                            [&](size_t i, int) {
                              ++calls;
                              if (i == 0) {
                                throw std::runtime_error("stop");
                              }
                              std::this_thread::sleep_for(std::chrono::microseconds(100));
                            }),
               std::runtime_error);
  EXPECT_LT(calls, 500'000U);
}

TEST(ParallelFor, MayBeNested) {
  std::atomic<int> calls = 0;
  parallel_for(4, 2, [&](size_t, int) { parallel_for(5, 2, [&](size_t, int) { ++calls; }); });
  EXPECT_EQ(calls, 20);
}

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Exits with 0 when a loop does all its work though no thread can be made: without address space
// there is no room for a stack (the C library may still keep some of earlier threads).
[[noreturn]] void run_without_room_for_threads() {
  const rlimit none = {1, 1};
  setrlimit(RLIMIT_AS, &none);
  std::atomic<int> calls = 0;
  parallel_for(100, 8, [&](size_t, int) { ++calls; });
  _exit(calls == 100 ? 0 : 1);
}

TEST(ParallelFor, DoesTheWorkWithFewerThreadsWhenTheSystemGivesNoMore) {
  EXPECT_EXIT(run_without_room_for_threads(), testing::ExitedWithCode(0),
              "the system gave [1-7] of 8 threads");
}
#endif

}  // namespace
}  // namespace ptq
