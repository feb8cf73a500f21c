#pragma once
// A place for files that only this process needs. One object belongs to one thread.

#include <filesystem>

namespace ptq {

// A folder that only this user can read, gone with the object.
class TemporaryFolder {
 public:
  // Throws Error{kEnvironment} when no temporary folder is writable.
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace ptq
