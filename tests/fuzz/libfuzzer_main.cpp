// The entry of libFuzzer for one target; PTQ_FUZZ_TARGET is its name, set by CMake.

#include <cstddef>
#include <cstdint>

#include "fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ptq::fuzz::PTQ_FUZZ_TARGET({data, size});
  return 0;
}
