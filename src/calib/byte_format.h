#pragma once
// The primitive fields of the binary files of this room (docs/formats.md): varints, texts, reals,
// digests, and the SHA-256 that ends each file. One object belongs to one thread.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "ptq/fingerprint.h"

namespace ptq {

class ByteWriter {
 public:
  void varint(uint64_t value);
  void text(std::string_view value);  // varint length, bytes
  void real(float value);             // little-endian
  void digest(const Digest& value);
  void raw(std::string_view value) { out_ += value; }
  const std::string& bytes() const { return out_; }

 private:
  std::string out_;
};

// Every read throws Error{kInput} that begins with `file` when the bytes end too early.
class ByteReader {
 public:
  // `bytes` must outlive the reader. `remedy` ends each message.
  ByteReader(std::string_view bytes, std::string file, std::string remedy);

  [[noreturn]] void fail(std::string_view what) const;
  uint64_t varint();
  // A varint that says how many entries of at least `entry_bytes` bytes follow.
  uint64_t count(size_t entry_bytes);
  std::string text() { return std::string(take(varint())); }
  float real();
  Digest digest();
  std::string_view take(uint64_t size);
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  std::string file_;
  std::string remedy_;
};

// Writes `bytes` and their SHA-256, whole or not at all.
void write_sealed(std::string_view bytes, const std::filesystem::path& path);
// The same, but never in the place of another file: false when `path` exists.
bool write_sealed_new(std::string_view bytes, const std::filesystem::path& path);

// The bytes of a regular file of at most `max_bytes`. `what` names the kind: "a statistics file".
// Throws Error{kInput}.
std::string read_whole_file(const std::filesystem::path& path, uint64_t max_bytes,
                            std::string_view what);

// `bytes` without the SHA-256 at their end, which must be right; else `in` fails.
std::string_view unsealed(std::string_view bytes, const ByteReader& in);

}  // namespace ptq
