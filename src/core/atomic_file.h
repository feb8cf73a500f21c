#pragma once
// A file that appears whole or not at all: bytes go to a temporary beside the target, `commit`
// syncs and renames it. Without commit the temporary is removed and an older target stays as it
// was. A target that is a link is replaced, not followed. One object belongs to one thread.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace ptq {

class AtomicFile {
 public:
  // Creates the temporary. Throws Error{kEnvironment} when the folder is missing or not writable,
  // Error{kUsage} when the target is a folder, a device or a pipe (renaming would replace it).
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Throws Error{kEnvironment} when the disk is full or the write fails.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  void commit();
  // The same, but never in the place of another file: false when the target exists.
  bool commit_new();

  // Where the bytes are before commit, to check the file as a reader would.
  const std::filesystem::path& temporary() const { return temporary_; }

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  void finish();

  int fd_ = -1;
};

// Says before the work what would go wrong behind it. Refuses (Error{kUsage}) an output that is one
// of the inputs, by device and inode, that is no regular file, or that exists while `force` is
// false; and (Error{kEnvironment}) one whose folder is missing or not writable. Empty inputs are
// skipped.
void check_output_path(const std::filesystem::path& output,
                       std::span<const std::filesystem::path> inputs, bool force);

}  // namespace ptq
