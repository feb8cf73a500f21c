#pragma once
// Where the statistics of a program in production go: names from a pattern, and a file that never
// takes the place of one that another process, or another model, wrote. Free functions and an
// object that belongs to one thread at a time.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "ptq/activation_stats.h"

namespace ptq {

// `pattern` with %p (process id), %m (first 12 digits of `fingerprint`), %h (host name) and %%
// replaced. Throws Error{kUsage} for another letter behind %.
std::string expand_pattern(std::string_view pattern, std::string_view fingerprint);

// The file that the statistics of one model in this process are written to again and again.
class StatsPath {
 public:
  explicit StatsPath(std::filesystem::path wanted) : wanted_(std::move(wanted)) {}

  // Writes whole or not at all. The first write finds a name that is free: `wanted`, or with the
  // process id (and a number) in front of the extension. Throws Error{kEnvironment}.
  void write(const ActivationStats& stats);
  const std::filesystem::path& path() const { return path_ ? *path_ : wanted_; }

 private:
  std::filesystem::path wanted_;
  std::optional<std::filesystem::path> path_;  // once written
};

}  // namespace ptq
