#pragma once
// Loops over independent indices on several threads. Called from one thread at a time per loop.

#include <cstddef>
#include <functional>

namespace ptq {

// Threads that `requested` stands for: itself, or the processors of this process when it is 0.
int resolve_threads(int requested);

// Calls body(index, worker) for each index in [0, count) on up to `threads` threads; worker is in
// [0, threads). Indices are handed out in ascending order, so results that are stored by index do
// not depend on the number of threads. The first exception (by index) is rethrown after all
// threads have stopped.
void parallel_for(size_t count, int threads, const std::function<void(size_t, int)>& body);

}  // namespace ptq
