// The file form of ActivationStats, described in docs/formats.md. All integers are little endian or
// LEB128 varints; a SHA-256 over everything before it ends the file.

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "core/atomic_file.h"
#include "core/hash.h"
#include "ptq/activation_stats.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr std::string_view kMagic = "PTQSTATS";
constexpr uint64_t kVersion = 1;
constexpr uint64_t kMaxFileBytes = 1ULL << 30;
constexpr size_t kDigestBytes = 32;
// Of one bucket: the sum over all buckets then stays below 2^64.
constexpr uint64_t kMaxCount = 1ULL << 49;

class Writer {
 public:
  void varint(uint64_t value) {
    while (value >= 0x80) {
      out_ += static_cast<char>((value & 0x7F) | 0x80);
      value >>= 7;
    }
    out_ += static_cast<char>(value);
  }
  void text(std::string_view value) {
    varint(value.size());
    out_ += value;
  }
  void real(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) {
      out_ += static_cast<char>((bits >> shift) & 0xFF);
    }
  }
  void raw(std::string_view value) { out_ += value; }
  const std::string& bytes() const { return out_; }

 private:
  std::string out_;
};

class Reader {
 public:
  Reader(std::string_view bytes, std::string file) : bytes_(bytes), file_(std::move(file)) {}

  [[noreturn]] void fail(std::string_view what) const {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: {}; make it again with `ptq calibrate`", file_, what));
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      if (shift == 63 && byte > 1) {
        fail("damaged statistics: a number exceeds 64 bits");
      }
      value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        return value;
      }
    }
    fail("damaged statistics: a number exceeds 64 bits");
  }
  std::string text() { return std::string(take(varint())); }
  float real() {
    const std::string_view raw = take(4);
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; ++i) {
      bits |= static_cast<uint32_t>(static_cast<unsigned char>(raw[i])) << (8 * i);
    }
    return std::bit_cast<float>(bits);
  }
  std::string_view take(uint64_t count) {
    if (count > bytes_.size()) {
      fail("damaged statistics: the file ends too early");
    }
    const std::string_view out = bytes_.substr(0, static_cast<size_t>(count));
    bytes_.remove_prefix(static_cast<size_t>(count));
    return out;
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  std::string file_;
};

void write_side(Writer& out, const LogHistogram::Side& side) {
  out.varint(side.first_key);
  out.varint(side.counts.size());
  for (const uint64_t count : side.counts) {
    out.varint(count);
  }
}

// Reads what write_side wrote, and only that: no zero count at either end.
void read_side(Reader& in, bool negative, LogHistogram& histogram) {
  const uint64_t first = in.varint();
  const uint64_t size = in.varint();
  if (first >= LogHistogram::kNonFiniteKey || size > LogHistogram::kNonFiniteKey - first ||
      (size > 0) != (first > 0)) {
    in.fail("damaged statistics: a histogram leaves the range of float32");
  }
  for (uint64_t i = 0; i < size; ++i) {
    const uint64_t count = in.varint();
    if (count > kMaxCount || (count == 0 && (i == 0 || i + 1 == size))) {
      in.fail("damaged statistics: a count is out of range");
    }
    histogram.add(static_cast<uint32_t>(first + i), negative, count);
  }
}

// The outermost bucket of a side is that of the extreme on this side.
bool side_fits(const LogHistogram::Side& side, float extreme) {
  const uint32_t key = LogHistogram::magnitude_key(extreme);
  return side.counts.empty() ? key == 0 || extreme <= 0.0F
                             : extreme > 0.0F && side.first_key + side.counts.size() - 1 == key;
}

bool consistent(const TensorStats& stats) {
  if (!std::isfinite(stats.min) || !std::isfinite(stats.max) || stats.min > stats.max ||
      stats.histogram.total() != stats.count) {
    return false;
  }
  return stats.count == 0 ? stats.min == 0.0F && stats.max == 0.0F
                          : side_fits(stats.histogram.positive(), stats.max) &&
                                side_fits(stats.histogram.negative(), -stats.min);
}

TensorStats read_tensor(Reader& in) {
  TensorStats stats;
  stats.count = in.varint();
  stats.nan = in.varint();
  stats.inf = in.varint();
  stats.min = in.real();
  stats.max = in.real();
  const uint64_t zeros = in.varint();
  if (zeros > kMaxCount) {
    in.fail("damaged statistics: a count is out of range");
  }
  stats.histogram.add(0, false, zeros);
  read_side(in, false, stats.histogram);
  read_side(in, true, stats.histogram);
  if (!consistent(stats)) {
    in.fail("damaged statistics: counts or extremes of a tensor contradict each other");
  }
  return stats;
}

std::string read_bytes(const std::filesystem::path& path) {
  const std::string name = printable(path.string());
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw Error(
        ErrorCode::kInput,
        fmt::format("expected a statistics file, found {} at {}",
                    std::filesystem::exists(path, error) ? "something else" : "nothing", name));
  }
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error || size > kMaxFileBytes) {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: {} bytes are too many for a statistics file", name, size));
  }
  std::ifstream in(path, std::ios::binary);
  std::string bytes(size, '\0');
  if (!in.read(bytes.data(), static_cast<std::streamsize>(size))) {
    throw Error(ErrorCode::kInput, fmt::format("cannot read {}", name));
  }
  return bytes;
}

}  // namespace

void write_stats(const ActivationStats& stats, const std::filesystem::path& path) {
  Writer out;
  out.raw(kMagic);
  out.varint(kVersion);
  out.text(stats.model_fingerprint);
  out.text(stats.data_fingerprint);
  out.text(stats.runtime_version);
  out.varint(stats.samples);
  out.varint(stats.tensors.size());
  for (const auto& [name, tensor] : stats.tensors) {
    out.text(name);
    out.varint(tensor.count);
    out.varint(tensor.nan);
    out.varint(tensor.inf);
    out.real(tensor.min);
    out.real(tensor.max);
    out.varint(tensor.histogram.zeros());
    write_side(out, tensor.histogram.positive());
    write_side(out, tensor.histogram.negative());
  }
  Sha256 hash;
  hash.update(out.bytes());
  AtomicFile file(path);
  file.write(out.bytes());
  file.write(hash.digest());
  file.commit();
}

ActivationStats read_stats(const std::filesystem::path& path) {
  const std::string bytes = read_bytes(path);
  const std::string_view all(bytes);
  const std::string name = printable(path.string());
  if (!all.starts_with(kMagic) || all.size() < kMagic.size() + 1 + kDigestBytes) {
    throw Error(ErrorCode::kInput, fmt::format("{} is no statistics file of ptq", name));
  }
  const std::string_view body = all.substr(0, all.size() - kDigestBytes);
  Reader in(body.substr(kMagic.size()), name);
  const uint64_t version = in.varint();
  if (version != kVersion) {
    in.fail(fmt::format("expected statistics of version {}, found version {}", kVersion, version));
  }
  Sha256 hash;
  hash.update(body);
  if (std::memcmp(hash.digest().data(), all.data() + body.size(), kDigestBytes) != 0) {
    in.fail("damaged statistics: the checksum does not match");
  }
  ActivationStats stats;
  stats.model_fingerprint = in.text();
  stats.data_fingerprint = in.text();
  stats.runtime_version = in.text();
  stats.samples = in.varint();
  const uint64_t tensors = in.varint();
  for (uint64_t i = 0; i < tensors; ++i) {
    std::string tensor = in.text();
    if (!stats.tensors.empty() && tensor <= stats.tensors.rbegin()->first) {
      in.fail("damaged statistics: tensors are not in ascending order of their names");
    }
    stats.tensors.emplace_hint(stats.tensors.end(), std::move(tensor), read_tensor(in));
  }
  if (!in.at_end()) {
    in.fail("damaged statistics: bytes follow the last tensor");
  }
  return stats;
}

}  // namespace ptq
