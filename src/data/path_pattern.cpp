#include "data/path_pattern.h"

#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>

#include "data/byte_stream.h"
#include "data/findings.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTestSetPrefix = "test_data_set_";
constexpr int kMaxDepth = 64;  // of **

// Number behind test_data_set_ as digits without leading zeros, for ordering; "" when it has none.
std::string test_set_number(const std::string& name) {
  if (!name.starts_with(kTestSetPrefix) || name.size() == kTestSetPrefix.size()) {
    return {};
  }
  const std::string digits = name.substr(kTestSetPrefix.size());
  if (digits.find_first_not_of("0123456789") != std::string::npos) {
    return {};
  }
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
}

// std::string compares as unsigned bytes.
bool name_before(const std::string& a, const std::string& b) {
  const std::string x = test_set_number(a);
  const std::string y = test_set_number(b);
  return std::tuple(x.size(), x, a) < std::tuple(y.size(), y, b);
}

bool path_before(const fs::path& a, const fs::path& b) {
  const std::string x = a.parent_path().string();
  const std::string y = b.parent_path().string();
  return x != y ? x < y : name_before(a.filename().string(), b.filename().string());
}

std::vector<std::string> all_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failure;
  fs::directory_iterator entries(folder.empty() ? fs::path(".") : folder, failure);
  for (; !failure && entries != fs::directory_iterator(); entries.increment(failure)) {
    names.push_back(entries->path().filename().string());
  }
  if (failure) {
    refuse_data(DataFinding::kNotFound, path_text(folder),
                fmt::format("the folder cannot be listed: {}", failure.message()));
  }
  return names;
}

// Matches the components of the pattern from `next` on below `folder`.
class Matcher {
 public:
  explicit Matcher(std::vector<std::string> components) : components_(std::move(components)) {}

  void match(const fs::path& folder, size_t next, int depth) {
    if (next == components_.size()) {
      found_.push_back(folder);
      return;
    }
    const std::string& component = components_[next];
    std::error_code ignored;
    if (component == "**") {
      match_any_depth(folder, next, depth);
    } else if (!has_wildcard(component)) {
      const fs::path path = folder / component;
      if (fs::exists(path, ignored)) {
        match(path, next + 1, depth);
      }
    } else if (fs::is_directory(folder.empty() ? fs::path(".") : folder, ignored)) {
      for (const std::string& name : all_names(folder)) {
        if (fnmatch(component.c_str(), name.c_str(), FNM_PERIOD) == 0) {
          match(folder / name, next + 1, depth);
        }
      }
    }
  }

  std::vector<fs::path> take() {
    std::ranges::sort(found_, path_before);
    // a/**/** finds a path twice. (clang 14 cannot compile what std::ranges::unique returns.)
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    return std::move(found_);
  }

 private:
  void match_any_depth(const fs::path& folder, size_t next, int depth) {
    if (next + 1 < components_.size()) {
      match(folder, next + 1, depth);
    }
    std::error_code ignored;
    if (depth == kMaxDepth || !fs::is_directory(folder.empty() ? fs::path(".") : folder, ignored)) {
      return;
    }
    for (const std::string& name : all_names(folder)) {
      const fs::path path = folder / name;
      if (name.starts_with('.') || fs::is_symlink(path, ignored)) {
        continue;
      }
      if (fs::is_directory(path, ignored)) {
        match_any_depth(path, next, depth + 1);
      } else if (next + 1 == components_.size()) {
        found_.push_back(path);  // a pattern that ends in ** means all files
      }
    }
  }

  std::vector<std::string> components_;
  std::vector<fs::path> found_;
};

}  // namespace

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

PatternMatch match_pattern(std::string_view pattern) {
  PatternMatch result;
  std::vector<std::string> components;
  for (const fs::path& part : fs::path(pattern)) {
    if (components.empty() && !has_wildcard(part.string())) {
      result.base /= part;
    } else if (!part.empty()) {
      components.push_back(part.string());
    }
  }
  Matcher matcher(std::move(components));
  matcher.match(result.base, 0, 0);
  result.paths = matcher.take();
  return result;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names = all_names(folder);
  std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
  std::ranges::sort(names, name_before);
  return names;
}

}  // namespace ptq
