#include "onnx_io/mapped_file.h"

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ptq/error.h"

namespace ptq {
namespace {

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) {
      ::close(fd);
    }
  }
};

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) {
    return "a folder";
  }
  if (S_ISFIFO(mode)) {
    return "a named pipe";
  }
  if (S_ISSOCK(mode)) {
    return "a socket";
  }
  return "a device";
}

[[noreturn]] void fail_open(int error) {
  if (error == ENOENT || error == ENOTDIR) {
    throw Error(ErrorCode::kInput, "no such file; check the path");
  }
  if (error == ENXIO) {
    throw Error(ErrorCode::kInput, "expected a regular file, found a socket or a device");
  }
  const bool is_ours = error == EMFILE || error == ENFILE || error == ENOMEM;
  throw Error(is_ours ? ErrorCode::kEnvironment : ErrorCode::kInput,
              fmt::format("cannot open the file: {}", std::strerror(error)));
}

// Address and size of what is mapped now.
struct Mappings {
  std::mutex mutex;
  std::map<void*, size_t> sizes;
};
Mappings& mappings() {
  static Mappings all;
  return all;
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe without a writer returns instead of waiting for one.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (file.fd < 0) {
    fail_open(errno);
  }
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) {
    fail_open(errno);
  }
  if (!S_ISREG(info.st_mode)) {
    throw Error(ErrorCode::kInput,
                fmt::format("expected a regular file, found {}", kind_of(info.st_mode)));
  }
  const std::shared_ptr<MappedFile> mapped(new MappedFile);
  mapped->links_ = info.st_nlink;
  const auto size = static_cast<size_t>(info.st_size);
  if (size > 0) {
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
    if (data == MAP_FAILED) {
      throw Error(ErrorCode::kEnvironment,
                  fmt::format("cannot map {} bytes: {}", size, std::strerror(errno)));
    }
    mapped->data_ = static_cast<const std::byte*>(data);
    mapped->size_bytes_ = size;
    const std::lock_guard lock(mappings().mutex);
    mappings().sizes.emplace(data, size);
  }
  return mapped;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    void* const data = const_cast<std::byte*>(data_);
    const std::lock_guard lock(mappings().mutex);
    mappings().sizes.erase(data);
    ::munmap(data, size_bytes_);
  }
}

void MappedFile::release_pages() {
  const std::lock_guard lock(mappings().mutex);
  for (const auto& [data, size] : mappings().sizes) {
    ::madvise(data, size, MADV_DONTNEED);  // only a hint: a failure costs memory, not correctness
  }
}

}  // namespace ptq
