#include "core/atomic_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

[[noreturn]] void fail_io(std::string_view what, const fs::path& path, int error) {
  throw Error(ErrorCode::kEnvironment, fmt::format("cannot {} {}: {}", what,
                                                   printable(path.string()), std::strerror(error)));
}

}  // namespace

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
  std::error_code ignored;
  if (fs::is_directory(target_, ignored)) {
    throw Error(ErrorCode::kUsage, fmt::format("output {} is a folder, expected a file name",
                                               printable(target_.string())));
  }
  std::string pattern = target_.string() + ".tmp-XXXXXX";
  fd_ = ::mkostemp(pattern.data(), O_CLOEXEC);
  if (fd_ < 0) {
    fail_io("create a file beside", target_, errno);
  }
  temporary_ = pattern;
  // mkostemp makes the file private; the result gets what the user's umask allows.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::fchmod(fd_, 0666 & ~mask);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
  }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  PTQ_CHECK(fd_ >= 0);
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      fail_io("write", target_, errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

void AtomicFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text)));
}

void AtomicFile::commit() {
  PTQ_CHECK(fd_ >= 0);
  if (::fsync(fd_) != 0) {
    fail_io("sync", target_, errno);
  }
  if (::close(std::exchange(fd_, -1)) != 0) {
    fail_io("close", target_, errno);
  }
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    fail_io("rename the finished file to", target_, errno);
  }
  temporary_.clear();
  const int folder = ::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >=
      0) {  // the file is whole either way; syncing the folder only makes the name durable
    ::fsync(folder);
    ::close(folder);
  }
}

void check_output_path(const fs::path& output, std::span<const fs::path> inputs, bool force) {
  struct stat out {};
  if (::stat(output.c_str(), &out) != 0) {
    return;
  }
  for (const fs::path& input : inputs) {
    struct stat in {};
    if (::stat(input.c_str(), &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("output {} is the input {}; an input is never changed, give another "
                              "name with -o",
                              printable(output.string()), printable(input.string())));
    }
  }
  if (S_ISDIR(out.st_mode)) {
    throw Error(ErrorCode::kUsage, fmt::format("output {} is a folder, expected a file name",
                                               printable(output.string())));
  }
  if (!force) {
    throw Error(ErrorCode::kUsage, fmt::format("output {} exists; give another name with -o, or "
                                               "--force to replace it",
                                               printable(output.string())));
  }
}

}  // namespace ptq
