#include "fuzz/as_file.h"

#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace ptq::fuzz {
namespace {

namespace fs = std::filesystem;

class ScratchFolder {
 public:
  ScratchFolder() {
    std::error_code ignored;
    const fs::path memory = "/dev/shm";
    const bool in_memory = fs::is_directory(memory, ignored) && access(memory.c_str(), W_OK) == 0;
    std::string pattern =
        ((in_memory ? memory : fs::temp_directory_path()) / "ptq_fuzz_XXXXXX").string();
    require(mkdtemp(pattern.data()) != nullptr, "a scratch folder can be made");
    path = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }

  fs::path path;
};

}  // namespace

const fs::path& scratch_folder() {
  static const ScratchFolder folder;
  return folder.path;
}

fs::path as_file(const std::string& name, std::span<const uint8_t> bytes) {
  fs::path path = scratch_folder() / name;
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  require(file >= 0, "the scratch file opens");
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = write(file, bytes.data() + done, bytes.size() - done);
    require(count > 0, "the scratch file takes the bytes");
    done += static_cast<size_t>(count);
  }
  close(file);
  return path;
}

void require(bool condition, const char* promise) {
  if (!condition) {
    std::fprintf(stderr, "broken promise: %s\n", promise);
    std::abort();
  }
}

}  // namespace ptq::fuzz
