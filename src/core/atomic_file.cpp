#include "core/atomic_file.h"

#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <system_error>
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

[[noreturn]] void refuse(const fs::path& output, std::string_view why) {
  throw Error(ErrorCode::kUsage, fmt::format("output {} {}", printable(output.string()), why));
}

// Renaming a file over a folder fails; over a device or a pipe it would take the place of it.
void check_file_kind(const fs::path& output) {
  if (!output.has_filename()) {
    refuse(output.empty() ? "''" : output, "has no file name; expected FOLDER/NAME");
  }
  std::error_code error;
  const fs::file_status status = fs::status(output, error);
  if (fs::is_directory(status)) {
    refuse(output, "is a folder, expected a file name");
  }
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    refuse(output, "is a device, a pipe or a socket; expected the name of a regular file");
  }
}

// Opens a new file beside `target` with the permissions that the user's umask leaves, and puts its
// name into `temporary`. -1 and errno on failure. (mkstemp would make it private, and asking for
// the umask changes it for a moment in all threads.)
int create_beside(const fs::path& target, fs::path& temporary) {
  constexpr size_t kMaxBase = 200;  // bytes of a name; most file systems allow 255
  constexpr int kAttempts = 100;
  const std::string base = target.filename().string().substr(0, kMaxBase);
  std::random_device random;
  int fd = -1;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    temporary = folder_of(target) / fmt::format("{}.tmp-{:08x}", base, random());
    fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) {
      break;
    }
  }
  return fd;
}

// The file is whole either way; syncing the folder only makes the name durable.
void sync_folder(const fs::path& target) {
  const int folder = ::open(folder_of(target).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

}  // namespace

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
  check_file_kind(target_);
  fs::path temporary;
  fd_ = create_beside(target_, temporary);
  if (fd_ < 0) {
    fail_io("create a file beside", target_, errno);
  }
  temporary_ = std::move(temporary);
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

void AtomicFile::finish() {
  PTQ_CHECK(fd_ >= 0);
  if (::fsync(fd_) != 0) {
    fail_io("sync", target_, errno);
  }
  if (::close(std::exchange(fd_, -1)) != 0) {
    fail_io("close", target_, errno);
  }
}

void AtomicFile::commit() {
  finish();
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    fail_io("rename the finished file to", target_, errno);
  }
  temporary_.clear();
  sync_folder(target_);
}

bool AtomicFile::commit_new() {
  finish();
  if (::link(temporary_.c_str(), target_.c_str()) == 0) {
    ::unlink(std::exchange(temporary_, {}).c_str());
    sync_folder(target_);
    return true;
  }
  if (errno == EEXIST) {
    return false;
  }
  // A file system without hard links. Between the two calls another process may be faster.
  struct stat out {};
  if (::lstat(target_.c_str(), &out) == 0) {
    return false;
  }
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    fail_io("rename the finished file to", target_, errno);
  }
  temporary_.clear();
  sync_folder(target_);
  return true;
}

void check_output_path(const fs::path& output, std::span<const fs::path> inputs, bool force) {
  struct stat out {};
  const bool exists = ::stat(output.c_str(), &out) == 0;
  for (const fs::path& input : inputs) {
    struct stat in {};
    if (exists && ::stat(input.c_str(), &in) == 0 && in.st_dev == out.st_dev &&
        in.st_ino == out.st_ino) {
      refuse(output, fmt::format("is the input {}; an input is never changed, give another name "
                                 "with -o",
                                 printable(input.string())));
    }
  }
  check_file_kind(output);
  if (exists && !force) {
    refuse(output, "exists; give another name with -o, or --force to replace it");
  }
  const fs::path folder = folder_of(output);
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw Error(ErrorCode::kEnvironment,
                fmt::format("cannot write {}: there is no folder {}; make it first",
                            printable(output.string()), printable(folder.string())));
  }
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    fail_io("write into the folder of", output, errno);
  }
}

}  // namespace ptq
