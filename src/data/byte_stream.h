#pragma once
// Bytes that are read once, from the front: a file, or a member of a zip archive. What an npy array
// is read from. One thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ptq {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Fills `out` and returns how many bytes it got: fewer than out.size() only at the end. Throws
  // Error{kInput} naming the file when it cannot be read.
  virtual size_t read(std::span<std::byte> out) = 0;
  // Passes over `count` bytes; returns over how many, fewer only at the end.
  virtual uint64_t skip(uint64_t count);
};

// Size of the regular file `path`. Throws Error{kInput} when it is missing, no regular file (a FIFO
// would hang) or empty.
uint64_t regular_file_size(const std::filesystem::path& path);

std::unique_ptr<ByteStream> open_file_stream(const std::filesystem::path& path);

// The `size` bytes of the file from `offset` on; ends behind them.
std::unique_ptr<ByteStream> open_file_section(const std::filesystem::path& path, uint64_t offset,
                                              uint64_t size);

// What the first bytes of a file suggest, for messages: "a zip archive (npz)", "a Git LFS pointer";
// "" without a guess.
std::string_view guess_content(std::span<const std::byte> head);

// ".npz" for "a.NPZ"; "" without an extension.
std::string lower_extension(const std::filesystem::path& path);

// The path for a message, control bytes replaced.
std::string path_text(const std::filesystem::path& path);

}  // namespace ptq
