#pragma once
// A file that lists paths, one a line: --data @LIST. Free functions; any thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace ptq {

struct ListLine {
  size_t number = 0;  // from 1
  std::filesystem::path path;
  std::optional<uint64_t> row = std::nullopt;  // of FILE#K, where no file has that very name
};

// The lines in order, relative paths taken from the folder of the list. Blank lines and those that
// begin with # are left out. Throws Error{kInput} for a list that is missing, damaged, names
// nothing or has more than 64 MiB.
std::vector<ListLine> read_list(const std::filesystem::path& list);

}  // namespace ptq
