#pragma once
// What the processor can do that changes integer inference. Any thread.

#include <string>
#include <vector>

namespace ptq {

// Of "avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8" (x86-64), "dotprod", "i8mm"
// (AArch64), those that the processor and the operating system offer. On an x86 processor without
// any VNNI or AMX the pair sums of uint8 × int8 products saturate at 16 bits.
std::vector<std::string> cpu_features();

}  // namespace ptq
