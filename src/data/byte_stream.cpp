#include "data/byte_stream.h"

#include <array>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

class FileStream : public ByteStream {
 public:
  explicit FileStream(const std::filesystem::path& path)
      : path_(path), stream_(path, std::ios::binary) {
    if (!stream_) {
      throw Error(
          ErrorCode::kInput,
          fmt::format("{}: cannot be opened for reading; check its permissions", path_text(path)));
    }
  }

  size_t read(std::span<std::byte> out) override {
    if (out.empty()) {
      return 0;
    }
    stream_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
    if (stream_.bad()) {
      throw Error(ErrorCode::kInput, fmt::format("{}: read error", path_text(path_)));
    }
    return static_cast<size_t>(stream_.gcount());
  }

 private:
  std::filesystem::path path_;
  std::ifstream stream_;
};

}  // namespace

std::string path_text(const std::filesystem::path& path) {
  return printable(path.string());
}

uint64_t regular_file_size(const std::filesystem::path& path) {
  std::error_code failure;
  const std::filesystem::file_status status = std::filesystem::status(path, failure);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw Error(ErrorCode::kInput, fmt::format("{}: no such file", path_text(path)));
  }
  if (status.type() != std::filesystem::file_type::regular) {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: expected a regular file, found {}", path_text(path),
                            std::filesystem::is_directory(status) ? "a folder"
                            : failure                             ? failure.message()
                                                                  : "a device or pipe"));
  }
  const uint64_t size = std::filesystem::file_size(path, failure);
  if (failure) {
    throw Error(ErrorCode::kInput, fmt::format("{}: {}", path_text(path), failure.message()));
  }
  if (size == 0) {
    throw Error(ErrorCode::kInput, fmt::format("{}: the file is empty (0 bytes)", path_text(path)));
  }
  return size;
}

std::unique_ptr<ByteStream> open_file_stream(const std::filesystem::path& path) {
  return std::make_unique<FileStream>(path);
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
