#pragma once
// A calibration that is not finished, as a file: what was counted so far and which samples are
// left. Written by the sample queue, read when a run is resumed. Free functions; any thread.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ptq/activation_stats.h"

namespace ptq {

struct Checkpoint {
  // Equal for two runs that may continue each other: model, runtime, values, samples, settings.
  std::string identity{};
  uint64_t total = 0;  // samples of the whole data, other shards included
  // Samples below `next` are counted in `stats`, but for those in `pending` (ascending) and those
  // of other shards.
  uint64_t next = 0;
  std::vector<uint64_t> pending{};
  std::vector<Digest> hashes{};  // of the counted samples, in order of their positions
  ActivationStats stats{};       // of the counted samples
};

void write_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path);
// Throws Error{kInput} for a file that is no checkpoint, of another version, or damaged.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace ptq
