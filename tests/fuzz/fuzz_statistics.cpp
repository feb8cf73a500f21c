// Statistics files: the bytes as they are, and with the check sum that belongs to them, without
// which nothing behind the check would ever be reached.

#include <vector>

#include "core/hash.h"
#include "fuzz/as_file.h"
#include "fuzz/targets.h"
#include "ptq/activation_stats.h"
#include "ptq/error.h"

namespace ptq::fuzz {
namespace {

void read(std::span<const uint8_t> bytes) {
  const std::filesystem::path path = as_file("fuzz.ptqstats", bytes);
  try {
    const ActivationStats stats = read_stats(path);
    // What was accepted survives being written.
    const std::filesystem::path copy = scratch_folder() / "copy.ptqstats";
    write_stats(stats, copy);
    const ActivationStats again = read_stats(copy);
    PTQ_REQUIRE(again.samples == stats.samples);
    PTQ_REQUIRE(again.tensors.size() == stats.tensors.size());
  } catch (const Error& error) {
    PTQ_REQUIRE(error.code() == ErrorCode::kInput);
  }
}

}  // namespace

void statistics(std::span<const uint8_t> bytes) {
  read(bytes);
  Sha256 hash;
  hash.update(std::as_bytes(bytes));
  std::vector<uint8_t> sealed(bytes.begin(), bytes.end());
  for (const std::byte each : hash.digest()) {
    sealed.push_back(std::to_integer<uint8_t>(each));
  }
  read(sealed);
}

}  // namespace ptq::fuzz
