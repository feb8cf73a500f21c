#pragma once
// Times two things beside each other, so that what the machine does meanwhile hits both. One
// thread.

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

namespace ptq {

struct PairedOptions {
  size_t runs = 30;
  size_t warmup = 5;  // runs of each that are not counted
  std::function<void(size_t done, size_t total)> progress{};
  const std::atomic<bool>* stop = nullptr;  // ends with Error{kInterrupted}
  std::function<double()> clock_ms{};       // empty: the steady clock
};

struct PairedTimes {
  std::vector<double> first_ms{};
  std::vector<double> second_ms{};
};

// Calls `first` and `second` with the number of the run. Pairs alternate their order (ab ba ab …),
// which cancels a drift of the machine's speed.
PairedTimes run_paired(const std::function<void(size_t)>& first,
                       const std::function<void(size_t)>& second, const PairedOptions& options);

}  // namespace ptq
