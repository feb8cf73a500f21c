#pragma once
// What the fuzzers feed with bytes, one function a format of untrusted files: it reads the bytes as
// a file as far as ptq would, swallows an Error{kInput} (kUsage for what an option names) and
// aborts when anything else happens or when what was read breaks a promise. The same functions are
// linked into libFuzzer programs (CMake preset fuzz) and into fuzz_tests, which replay the corpora.
// One thread.

#include <cstdint>
#include <span>
#include <string_view>

namespace ptq::fuzz {

void npy(std::span<const uint8_t> bytes);
void npz(std::span<const uint8_t> bytes);
void safetensors(std::span<const uint8_t> bytes);
void jsonl(std::span<const uint8_t> bytes);
void image(std::span<const uint8_t> bytes);
void image_spec(std::span<const uint8_t> bytes);
void statistics(std::span<const uint8_t> bytes);

struct Target {
  std::string_view name;  // also of its folder in tests/fuzz/corpus
  void (*run)(std::span<const uint8_t> bytes);
};

std::span<const Target> targets();

}  // namespace ptq::fuzz
