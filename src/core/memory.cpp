#include "core/memory.h"

#include <fstream>

#include <unistd.h>

namespace ptq {

uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  uint64_t total_pages = 0;
  uint64_t resident_pages = 0;
  const long page = sysconf(_SC_PAGESIZE);
  if (!(in >> total_pages >> resident_pages) || page <= 0) {
    return 0;
  }
  return resident_pages * static_cast<uint64_t>(page);
}

}  // namespace ptq
