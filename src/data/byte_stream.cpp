#include "data/byte_stream.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <system_error>

#include <fmt/format.h>

#include "data/findings.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// A file from some offset on, up to an end that may lie behind its last byte.
class FileStream : public ByteStream {
 public:
  FileStream(const std::filesystem::path& path, uint64_t offset, uint64_t size)
      : path_(path), stream_(path, std::ios::binary), left_(size) {
    if (offset > 0) {
      stream_.seekg(static_cast<std::streamoff>(offset));
    }
    if (!stream_) {
      refuse_data(DataFinding::kNotFound, path_text(path),
                  "cannot be opened for reading; check its permissions");
    }
  }

  size_t read(std::span<std::byte> out) override {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(out.size(), left_));
    if (wanted == 0) {
      return 0;
    }
    stream_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(wanted));
    if (stream_.bad()) {
      refuse_data(DataFinding::kNotFound, path_text(path_), "read error");
    }
    const auto got = static_cast<size_t>(stream_.gcount());
    left_ -= got;
    return got;
  }

 private:
  std::filesystem::path path_;
  std::ifstream stream_;
  uint64_t left_;
};

constexpr uint64_t kNoEnd = std::numeric_limits<uint64_t>::max();

}  // namespace

uint64_t ByteStream::skip(uint64_t count) {
  std::array<std::byte, size_t{64} * 1024> buffer;
  uint64_t skipped = 0;
  while (skipped < count) {
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), count - skipped));
    const size_t got = read(std::span(buffer).first(wanted));
    skipped += got;
    if (got < wanted) {
      break;
    }
  }
  return skipped;
}

std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return extension;
}

std::string path_text(const std::filesystem::path& path) {
  return printable(path.string());
}

uint64_t regular_file_size(const std::filesystem::path& path) {
  std::error_code failure;
  const std::filesystem::file_status status = std::filesystem::status(path, failure);
  if (status.type() == std::filesystem::file_type::not_found) {
    refuse_data(DataFinding::kNotFound, path_text(path), "no such file");
  }
  if (status.type() != std::filesystem::file_type::regular) {
    refuse_data(DataFinding::kNotFound, path_text(path),
                fmt::format("expected a regular file, found {}",
                            std::filesystem::is_directory(status) ? "a folder"
                            : failure                             ? failure.message()
                                                                  : "a device or pipe"));
  }
  const uint64_t size = std::filesystem::file_size(path, failure);
  if (failure) {
    refuse_data(DataFinding::kNotFound, path_text(path), failure.message());
  }
  if (size == 0) {
    refuse_data(DataFinding::kDamaged, path_text(path), "the file is empty (0 bytes)");
  }
  return size;
}

std::unique_ptr<ByteStream> open_file_stream(const std::filesystem::path& path) {
  return std::make_unique<FileStream>(path, 0, kNoEnd);
}

std::unique_ptr<ByteStream> open_file_section(const std::filesystem::path& path, uint64_t offset,
                                              uint64_t size) {
  return std::make_unique<FileStream>(path, offset, size);
}

std::string_view guess_content(std::span<const std::byte> head) {
  struct Guess {
    std::string_view magic;
    std::string_view content;
  };
  static constexpr std::array<Guess, 8> kGuesses = {{
      {"\x93NUMPY", "an npy array"},
      {"PK\x03\x04", "a zip archive (npz)"},
      {"version ", "a Git LFS pointer (run git lfs pull)"},
      {"\x80\x02", "a Python pickle"},
      {"\x80\x04", "a Python pickle"},
      {"\x89PNG", "a PNG image"},
      {"\xff\xd8\xff", "a JPEG image"},
      {"<", "HTML or XML text"},
  }};
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  for (const Guess& guess : kGuesses) {
    if (text.starts_with(guess.magic)) {
      return guess.content;
    }
  }
  return {};
}

}  // namespace ptq
