#pragma once
// How much memory this process has. Free functions; any thread.

#include <cstdint>

namespace ptq {

// Bytes of physical memory that this process uses now; 0 where the system does not say.
uint64_t resident_bytes();

}  // namespace ptq
