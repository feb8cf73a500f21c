#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

#include <fmt/format.h>

#include "core/log.h"

namespace ptq {

int resolve_threads(int requested) {
  if (requested > 0) {
    return requested;
  }
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    return std::max(1, CPU_COUNT(&set));
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_for(size_t count, int threads, const std::function<void(size_t, int)>& body) {
  const int workers =
      static_cast<int>(std::min<size_t>(count, static_cast<size_t>(std::max(1, threads))));
  if (workers <= 1) {
    for (size_t i = 0; i < count; ++i) {
      body(i, 0);
    }
    return;
  }
  std::atomic<size_t> next{0};
  std::mutex mutex;
  size_t failed_index = count;
  std::exception_ptr failure;
  const auto work = [&](int worker) {
    for (size_t i = next++; i < count; i = next++) {
      try {
        body(i, worker);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < failed_index) {
          failed_index = i;
          failure = std::current_exception();
        }
        next = count;
      }
    }
  };
  std::vector<std::thread> pool;
  pool.reserve(static_cast<size_t>(workers) - 1);
  try {
    for (int worker = 1; worker < workers; ++worker) {
      pool.emplace_back(work, worker);
    }
  } catch (const std::system_error&) {
    // Those that started do all the work, with the same results.
    log_warn(fmt::format("the system gave {} of {} threads; going on with these", pool.size() + 1,
                         workers));
  }
  work(0);
  for (std::thread& thread : pool) {
    thread.join();
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
}

}  // namespace ptq
