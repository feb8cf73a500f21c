#include "calib/byte_format.h"

#include <bit>
#include <cstring>
#include <fstream>
#include <span>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/atomic_file.h"
#include "core/hash.h"
#include "ptq/error.h"

namespace ptq {

void ByteWriter::varint(uint64_t value) {
  while (value >= 0x80) {
    out_ += static_cast<char>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  out_ += static_cast<char>(value);
}

void ByteWriter::text(std::string_view value) {
  varint(value.size());
  out_ += value;
}

void ByteWriter::real(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) {
    out_ += static_cast<char>((bits >> shift) & 0xFF);
  }
}

void ByteWriter::digest(const Digest& value) {
  out_.append(reinterpret_cast<const char*>(value.data()), value.size());
}

ByteReader::ByteReader(std::string_view bytes, std::string file, std::string remedy)
    : bytes_(bytes), file_(std::move(file)), remedy_(std::move(remedy)) {}

void ByteReader::fail(std::string_view what) const {
  throw Error(ErrorCode::kInput, fmt::format("{}: {}; {}", file_, what, remedy_));
}

uint64_t ByteReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1)[0]);
    if (shift == 63 && byte > 1) {
      break;
    }
    value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) {
      return value;
    }
  }
  fail("damaged: a number exceeds 64 bits");
}

uint64_t ByteReader::count(size_t entry_bytes) {
  const uint64_t entries = varint();
  if (entries > bytes_.size() / entry_bytes) {
    fail("damaged: the file ends too early");
  }
  return entries;
}

float ByteReader::real() {
  const std::string_view raw = take(4);
  uint32_t bits = 0;
  for (size_t i = 0; i < 4; ++i) {
    bits |= static_cast<uint32_t>(static_cast<unsigned char>(raw[i])) << (8 * i);
  }
  return std::bit_cast<float>(bits);
}

Digest ByteReader::digest() {
  Digest value{};
  std::memcpy(value.data(), take(value.size()).data(), value.size());
  return value;
}

std::string_view ByteReader::take(uint64_t size) {
  if (size > bytes_.size()) {
    fail("damaged: the file ends too early");
  }
  const std::string_view out = bytes_.substr(0, static_cast<size_t>(size));
  bytes_.remove_prefix(static_cast<size_t>(size));
  return out;
}

namespace {

void put_sealed(std::string_view bytes, AtomicFile& file) {
  Sha256 hash;
  hash.update(bytes);
  file.write(bytes);
  file.write(hash.digest());
}

}  // namespace

void write_sealed(std::string_view bytes, const std::filesystem::path& path) {
  AtomicFile file(path);
  put_sealed(bytes, file);
  file.commit();
}

bool write_sealed_new(std::string_view bytes, const std::filesystem::path& path) {
  AtomicFile file(path);
  put_sealed(bytes, file);
  return file.commit_new();
}

std::string read_whole_file(const std::filesystem::path& path, uint64_t max_bytes,
                            std::string_view what) {
  const std::string name = printable(path.string());
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw Error(
        ErrorCode::kInput,
        fmt::format("expected {}, found {} at {}", what,
                    std::filesystem::exists(path, error) ? "something else" : "nothing", name));
  }
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error || size > max_bytes) {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: {} bytes are too many for {}", name, size, what));
  }
  std::ifstream in(path, std::ios::binary);
  std::string bytes(size, '\0');
  if (!in.read(bytes.data(), static_cast<std::streamsize>(size))) {
    throw Error(ErrorCode::kInput, fmt::format("cannot read {}", name));
  }
  return bytes;
}

std::string_view unsealed(std::string_view bytes, const ByteReader& in) {
  constexpr size_t kDigestBytes = sizeof(Digest);
  if (bytes.size() < kDigestBytes) {
    in.fail("damaged: the file ends too early");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kDigestBytes);
  Sha256 hash;
  hash.update(body);
  if (std::memcmp(hash.digest().data(), bytes.data() + body.size(), kDigestBytes) != 0) {
    in.fail("damaged: the checksum does not match");
  }
  return body;
}

}  // namespace ptq
