#pragma once
// Patterns of paths, as in a shell: * and ? and [...] within a name, ** for any number of folders.
// Free functions; any thread.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ptq {

struct PatternMatch {
  std::filesystem::path base;                // the part of the pattern without wildcards
  std::vector<std::filesystem::path> paths;  // files and folders below it that match
};

bool has_wildcard(std::string_view text);

// What `pattern` matches, sorted by folder, then by name, bytewise. Hidden names match only a
// pattern that begins with a dot too. ** does not follow links to folders. Throws Error{kInput} for
// a folder that cannot be listed.
PatternMatch match_pattern(std::string_view pattern);

// Names in a folder, hidden ones left out, in bytewise order, test_data_set_N by number and behind
// all else. Throws Error{kInput}.
std::vector<std::string> names_in(const std::filesystem::path& folder);

}  // namespace ptq
