#include "runtime/processor.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace ptq {
namespace {

#if defined(__x86_64__)

struct Registers {
  uint32_t eax = 0;
  uint32_t ebx = 0;
  uint32_t ecx = 0;
  uint32_t edx = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) {
    return {};
  }
  return r;
}

bool bit(uint32_t value, int position) {
  return ((value >> position) & 1U) != 0;
}

// State components that the operating system saves (XCR0); 0 when it does not say.
uint64_t saved_state() {
  if (!bit(cpuid(1, 0).ecx, 27)) {  // OSXSAVE
    return 0;
  }
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

// Bit positions: Intel 64 and IA-32 Architectures Software Developer's Manual, CPUID leaf 7.
std::vector<std::string> detect() {
  constexpr uint64_t kYmm = 0x6;
  constexpr uint64_t kZmm = 0xE6;
  constexpr uint64_t kTiles = 0x60000;
  const uint64_t saved = saved_state();
  const Registers leaf = cpuid(7, 0);
  const Registers more = cpuid(7, 1);
  std::vector<std::string> found;
  const auto add = [&](const char* name, uint64_t needs, bool has) {
    if (has && (saved & needs) == needs) {
      found.emplace_back(name);
    }
  };
  add("avx2", kYmm, bit(leaf.ebx, 5));
  add("avx512f", kZmm, bit(leaf.ebx, 16));
  add("avx512_vnni", kZmm, bit(leaf.ecx, 11));
  add("avx_vnni", kYmm, bit(more.eax, 4));
  add("amx_int8", kTiles, bit(leaf.edx, 25));
  return found;
}

#elif defined(__aarch64__) && defined(__linux__)

std::vector<std::string> detect() {
  constexpr uint64_t kDotProduct = 1UL << 20;  // HWCAP_ASIMDDP
  constexpr uint64_t kI8mm = 1UL << 13;        // HWCAP2_I8MM
  std::vector<std::string> found;
  if ((getauxval(AT_HWCAP) & kDotProduct) != 0) {
    found.emplace_back("dotprod");
  }
  if ((getauxval(AT_HWCAP2) & kI8mm) != 0) {
    found.emplace_back("i8mm");
  }
  return found;
}

#else

std::vector<std::string> detect() {
  return {};
}

#endif

}  // namespace

std::vector<std::string> cpu_features() {
  static const std::vector<std::string> kFeatures = detect();
  return kFeatures;
}

}  // namespace ptq
