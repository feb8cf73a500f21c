#pragma once
// A regular file mapped for reading. Used for model files and for external tensor data; tensors
// that are views keep their file mapped. Immutable, any thread.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include <sys/types.h>

namespace ptq {

class MappedFile {
 public:
  // Throws Error{kInput} when there is no such file, it is not a regular file (folder, pipe,
  // device: none of them is waited for) or reading is not permitted. The message does not name the
  // path.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Gives the memory of all mapped files back to the system, which reads the pages again from the
  // files when they are used; contents do not change.
  static void release_pages();

  std::span<const std::byte> bytes() const { return {data_, size_bytes_}; }
  bool has_other_links() const { return links_ > 1; }

 private:
  MappedFile() = default;

  const std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
  nlink_t links_ = 0;
};

}  // namespace ptq
