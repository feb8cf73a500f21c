#include "calib/checkpoint.h"

#include <fmt/format.h>

#include "calib/stats_file.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr uint64_t kVersion = 1;

}  // namespace

void write_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  ByteWriter out;
  out.raw(kCheckpointMagic);
  out.varint(kVersion);
  out.text(checkpoint.identity);
  out.varint(checkpoint.total);
  out.varint(checkpoint.next);
  out.varint(checkpoint.pending.size());
  for (const uint64_t position : checkpoint.pending) {
    out.varint(position);
  }
  out.varint(checkpoint.hashes.size());
  for (const Digest& hash : checkpoint.hashes) {
    out.digest(hash);
  }
  put_stats(out, checkpoint.stats);
  write_sealed(out.bytes(), path);
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const std::string bytes = read_whole_file(path, kMaxStatsBytes, "a checkpoint");
  const std::string_view all(bytes);
  const std::string name = printable(path.string());
  const std::string remedy = "delete it, and calibrate from the beginning";
  if (!all.starts_with(kCheckpointMagic)) {
    throw Error(ErrorCode::kInput, fmt::format("{} is no checkpoint of ptq; {}", name, remedy));
  }
  ByteReader head(all.substr(kCheckpointMagic.size()), name, remedy);
  const uint64_t version = head.varint();
  if (version != kVersion) {
    head.fail(fmt::format("expected a checkpoint of version {}, found {}", kVersion, version));
  }
  ByteReader in(unsealed(all, head).substr(kCheckpointMagic.size()), name, remedy);
  in.varint();  // the version
  Checkpoint checkpoint;
  checkpoint.identity = in.text();
  checkpoint.total = in.varint();
  checkpoint.next = in.varint();
  for (uint64_t left = in.count(1); left > 0; --left) {
    const uint64_t position = in.varint();
    if (!checkpoint.pending.empty() && position <= checkpoint.pending.back()) {
      in.fail("damaged: pending samples are not in ascending order");
    }
    checkpoint.pending.push_back(position);
  }
  for (uint64_t left = in.count(sizeof(Digest)); left > 0; --left) {
    checkpoint.hashes.push_back(in.digest());
  }
  checkpoint.stats = get_stats(in);
  const bool fits = checkpoint.next <= checkpoint.total &&
                    checkpoint.hashes.size() + checkpoint.pending.size() <= checkpoint.next &&
                    (checkpoint.pending.empty() || checkpoint.pending.back() < checkpoint.next);
  if (!fits || !in.at_end()) {
    in.fail("damaged: its fields contradict each other");
  }
  return checkpoint;
}

}  // namespace ptq
