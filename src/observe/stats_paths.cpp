#include "observe/stats_paths.h"

#include <array>

#include <fmt/format.h>
#include <unistd.h>

#include "calib/byte_format.h"
#include "calib/stats_file.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "host";
}

// "net.ptqstats" → "net-77.ptqstats", "net-77-2.ptqstats", ...
fs::path numbered(const fs::path& wanted, int attempt) {
  if (attempt == 0) {
    return wanted;
  }
  fs::path path = wanted;
  const std::string number = attempt == 1 ? "" : fmt::format("-{}", attempt);
  path.replace_filename(fmt::format("{}-{}{}{}", wanted.stem().string(), ::getpid(), number,
                                    wanted.extension().string()));
  return path;
}

}  // namespace

std::string expand_pattern(std::string_view pattern, std::string_view fingerprint) {
  std::string path;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      path += pattern[i];
      continue;
    }
    switch (const char letter = ++i < pattern.size() ? pattern[i] : '\0') {
      case 'p':
        path += std::to_string(::getpid());
        break;
      case 'm':
        path += fingerprint.substr(0, 12);
        break;
      case 'h':
        path += host_name();
        break;
      case '%':
        path += letter;
        break;
      default:
        throw Error(ErrorCode::kUsage,
                    fmt::format("file pattern '{}': expected p, m, h or % behind each %, found {}",
                                printable(pattern), letter == '\0' ? "the end" : "another letter"));
    }
  }
  return path;
}

void StatsPath::write(const ActivationStats& stats) {
  const std::string bytes = stats_bytes(stats);
  if (path_) {
    write_sealed(bytes, *path_);
    return;
  }
  constexpr int kAttempts = 1000;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const fs::path path = numbered(wanted_, attempt);
    if (write_sealed_new(bytes, path)) {
      path_ = path;
      return;
    }
  }
  throw Error(ErrorCode::kEnvironment,
              fmt::format("{}: all names are taken; give another pattern with PTQ_OBSERVE_FILE",
                          printable(wanted_.string())));
}

}  // namespace ptq
