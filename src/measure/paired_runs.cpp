#include "measure/paired_runs.h"

#include <chrono>

#include "ptq/error.h"

namespace ptq {
namespace {

double steady_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

}  // namespace

PairedTimes run_paired(const std::function<void(size_t)>& first,
                       const std::function<void(size_t)>& second, const PairedOptions& options) {
  const std::function<double()> now = options.clock_ms ? options.clock_ms : steady_ms;
  const size_t total = options.warmup + options.runs;
  PairedTimes times;
  for (size_t i = 0; i < total; ++i) {
    if (options.stop != nullptr && *options.stop) {
      throw Error(ErrorCode::kInterrupted, "interrupted while measuring; nothing was reported");
    }
    const auto time = [&](const std::function<void(size_t)>& body, std::vector<double>& into) {
      const double start = now();
      body(i);
      if (i >= options.warmup) {
        into.push_back(now() - start);
      }
    };
    if (i % 2 == 0) {
      time(first, times.first_ms);
      time(second, times.second_ms);
    } else {
      time(second, times.second_ms);
      time(first, times.first_ms);
    }
    if (options.progress) {
      options.progress(i + 1, total);
    }
  }
  return times;
}

}  // namespace ptq
