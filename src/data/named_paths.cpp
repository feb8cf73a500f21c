#include "data/named_paths.h"

#include <algorithm>
#include <iterator>
#include <system_error>

#include "data/path_list.h"
#include "data/path_pattern.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

bool add_existing(const fs::path& path, std::vector<fs::path>& paths) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    return false;
  }
  paths.push_back(path);
  return true;
}

// "x=a.bin,f32,1x2": what stands behind any '=', with and without type and shape.
void add_mapped(const std::string& argument, std::vector<fs::path>& paths) {
  for (size_t at = argument.find('='); at != std::string::npos; at = argument.find('=', at + 1)) {
    const std::string file = argument.substr(at + 1);
    const size_t last = file.rfind(',');
    if (!add_existing(file, paths) && last != std::string::npos && last > 0) {
      add_existing(file.substr(0, file.rfind(',', last - 1)), paths);
    }
  }
}

std::vector<fs::path> collect(const std::vector<std::string>& data, bool follow) {
  std::vector<fs::path> paths;
  for (const std::string& argument : data) {
    if (argument.starts_with('@')) {
      if (add_existing(argument.substr(1), paths) && follow) {
        for (const ListLine& line : read_list(argument.substr(1))) {
          add_existing(line.path, paths);
        }
      }
    } else if (!add_existing(argument, paths)) {
      if (follow && has_wildcard(argument)) {
        std::ranges::move(match_pattern(argument).paths, std::back_inserter(paths));
      }
      add_mapped(argument, paths);
    }
  }
  return paths;
}

}  // namespace

std::vector<fs::path> argument_paths(const std::vector<std::string>& data) {
  return collect(data, false);
}

std::vector<fs::path> named_paths(const std::vector<std::string>& data) {
  return collect(data, true);
}

}  // namespace ptq
