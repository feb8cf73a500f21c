// Statistics files and checkpoints: the bytes as they are, and with the check sum that belongs to
// them, without which nothing behind the check would ever be reached.

#include <vector>

#include "calib/checkpoint.h"
#include "core/hash.h"
#include "fuzz/as_file.h"
#include "fuzz/targets.h"
#include "ptq/activation_stats.h"
#include "ptq/error.h"

namespace ptq::fuzz {
namespace {

// Runs `action`, which may throw Error{kInput}.
template <typename Action>
void allow_refusal(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    PTQ_REQUIRE(error.code() == ErrorCode::kInput);
  }
}

// What is accepted survives being written.
void read(std::span<const uint8_t> bytes) {
  const std::filesystem::path path = as_file("fuzz.bin", bytes);
  const std::filesystem::path copy = scratch_folder() / "copy.bin";
  allow_refusal([&] {
    const ActivationStats stats = read_stats(path);
    write_stats(stats, copy);
    PTQ_REQUIRE(read_stats(copy) == stats);
  });
  allow_refusal([&] {
    const Checkpoint checkpoint = read_checkpoint(path);
    write_checkpoint(checkpoint, copy);
    PTQ_REQUIRE(read_checkpoint(copy).stats == checkpoint.stats);
  });
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
