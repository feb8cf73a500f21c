#pragma once
// The statistics file as bytes, and the parts of it that a checkpoint shares. Free functions; any thread.

#include <string>

#include "calib/byte_format.h"
#include "ptq/activation_stats.h"

namespace ptq {

inline constexpr uint64_t kMaxStatsBytes = uint64_t{1} << 30;
inline constexpr std::string_view kCheckpointMagic = "PTQCKPT\n";

// All but the checksum, for write_sealed.
std::string stats_bytes(const ActivationStats& stats);

// The fields of `stats` in the order of docs/formats.md, without magic, version and checksum.
void put_stats(ByteWriter& out, const ActivationStats& stats);
// Reads what put_stats wrote, and nothing else; fails through `in`.
ActivationStats get_stats(ByteReader& in, bool production = false);

}  // namespace ptq
