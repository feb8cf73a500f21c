#include "data/data_listing.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "data/byte_stream.h"
#include "data/findings.h"
#include "data/formats.h"
#include "data/path_list.h"
#include "data/path_pattern.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

// Collects files, which must all be of one format.
class Collector {
 public:
  explicit Collector(bool others_are_images) : others_are_images_(others_are_images) {}

  // Null when the file is no data by its name.
  const DataFormat* format_of(const fs::path& path) const {
    const DataFormat* format = format_of_file(path);
    return format == nullptr && others_are_images_ ? image_format() : format;
  }

  void add(const DataFormat& format, fs::path path, std::string stratum,
           std::optional<uint64_t> row) {
    const auto count =
        std::ranges::find(counts_, &format, &std::pair<const DataFormat*, size_t>::first);
    if (count == counts_.end()) {
      counts_.emplace_back(&format, 1);
    } else {
      ++count->second;
    }
    files_.push_back({std::move(path), std::move(stratum), row});
  }

  // A name that is no data, for the message.
  void add_other(std::string name) { other_ = std::move(name); }

  size_t size() const { return files_.size(); }
  const std::string& other() const { return other_; }

  DataListing take(const std::string& where) {
    if (counts_.size() > 1) {
      std::string found;
      for (const auto& [format, count] : counts_) {
        found += fmt::format("{}{} {}", found.empty() ? "" : " and ", count, format->name);
      }
      refuse_data(DataFinding::kMixedFormats, where,
                  fmt::format("expected one kind of data, found {}; keep each kind (and labels) in "
                              "a folder of its own",
                              found));
    }
    PTQ_CHECK(counts_.size() == 1);
    return {counts_[0].first, std::move(files_), {}};
  }

 private:
  std::vector<std::pair<const DataFormat*, size_t>> counts_;  // in order of appearance
  std::vector<DataFile> files_;
  std::string other_;
  bool others_are_images_;
};

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// Adds a file or a folder that is one sample; false for what is neither.
bool add_sample_path(const fs::path& path, const std::string& stratum, Collector& found,
                     std::optional<uint64_t> row = std::nullopt) {
  const DataFormat* format = is_folder(path) ? format_of_folder(path) : found.format_of(path);
  if (format != nullptr) {
    found.add(*format, path, stratum, row);
  }
  return format != nullptr;
}

// What lies directly in a stratum's folder.
void list_stratum(const fs::path& folder, const std::string& stratum, Collector& found) {
  for (const std::string& name : names_in(folder)) {
    const fs::path path = folder / name;
    if (add_sample_path(path, stratum, found)) {
      continue;
    }
    if (is_folder(path)) {
      refuse_data(DataFinding::kTooDeep, path_text(path),
                  "expected samples at most one folder deep, where each subfolder is a stratum; "
                  "move this folder up, or give the files with a pattern (--data 'DIR/**/*.npz')");
    }
    found.add_other(stratum + "/" + name);
  }
}

[[noreturn]] void refuse_nothing(const std::string& where, const std::string& other,
                                 std::string_view nothing) {
  refuse_data(
      DataFinding::kNoData, where,
      fmt::format("expected {}, found {}; save samples with numpy.savez", format_names(),
                  other.empty() ? std::string(nothing)
                                : fmt::format("none (only such as '{}')", printable(other))));
}

// Files of the folder itself come first, then those of its subfolders.
void list_folder(const fs::path& folder, Collector& found) {
  if (add_sample_path(folder, {}, found)) {
    return;
  }
  const size_t before = found.size();
  std::vector<std::string> strata;
  for (const std::string& name : names_in(folder)) {
    const fs::path path = folder / name;
    if (add_sample_path(path, {}, found)) {
      continue;
    }
    if (is_folder(path)) {
      strata.push_back(name);
    } else {
      found.add_other(name);
    }
  }
  for (const std::string& name : strata) {
    list_stratum(folder / name, name, found);
  }
  if (found.size() == before) {
    refuse_nothing(path_text(folder), found.other(), "an empty folder");
  }
}

// The first folder below `base` on the way to `path`; "" when there is none.
std::string stratum_below(const fs::path& base, const fs::path& path) {
  const fs::path relative = path.lexically_normal().lexically_relative(
      base.empty() ? fs::path(".") : base.lexically_normal());
  const auto first = relative.begin();
  if (first == relative.end() || *first == ".." || std::next(first) == relative.end()) {
    return {};
  }
  return first->string();
}

void list_pattern(const std::string& pattern, Collector& found) {
  const PatternMatch match = match_pattern(pattern);
  const size_t before = found.size();
  for (const fs::path& path : match.paths) {
    if (!add_sample_path(path, stratum_below(match.base, path), found) && !is_folder(path)) {
      found.add_other(path.filename().string());
    }
  }
  if (found.size() == before) {
    refuse_nothing(printable(pattern), found.other(), "nothing that the pattern matches");
  }
}

void list_lines(const fs::path& list, Collector& found) {
  for (const auto& [number, path, row] : read_list(list)) {
    const std::string where = fmt::format("{}: line {}", path_text(list), number);
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
      refuse_data(DataFinding::kNotFound, where,
                  fmt::format("no such file: {}; paths are relative to the list", path_text(path)));
    }
    if (!add_sample_path(path, stratum_in_list(list, path), found, row)) {
      refuse_data(DataFinding::kNoData, where,
                  fmt::format("expected {}, found {}", format_names(), path_text(path)));
    }
  }
}

void list_path(const fs::path& path, Collector& found) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (status.type() == fs::file_type::not_found) {
    refuse_data(DataFinding::kNotFound, path_text(path), "no such file or folder of samples");
  }
  if (failure) {
    refuse_data(DataFinding::kNotFound, path_text(path), failure.message());
  }
  if (fs::is_directory(status)) {
    list_folder(path, found);
  } else if (!add_sample_path(path, {}, found)) {
    refuse_data(DataFinding::kNoData, path_text(path),
                fmt::format("expected {}, told by the extension", format_names()));
  }
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// The longest name of `names` with a '=' behind it that the argument begins with.
const std::string* mapped_name(const std::string& argument, const std::vector<std::string>& names) {
  const std::string* best = nullptr;
  for (const std::string& name : names) {
    if (argument.size() > name.size() && argument.starts_with(name) &&
        argument[name.size()] == '=' && (best == nullptr || name.size() > best->size())) {
      best = &name;
    }
  }
  return best;
}

[[noreturn]] void refuse_argument(const std::string& argument, std::string_view what) {
  throw Error(ErrorCode::kUsage,
              with_code(DataFinding::kBadArgument,
                        fmt::format("--data {}: {}", printable(argument), what)));
}

std::vector<MappedArray> list_mapped(const std::vector<std::string>& data,
                                     const std::vector<std::string>& names) {
  std::vector<MappedArray> arrays;
  for (const std::string& argument : data) {
    const std::string* name = mapped_name(argument, names);
    if (name == nullptr) {
      if (!arrays.empty()) {
        refuse_argument(argument,
                        "stands beside --data NAME=FILE, but not in that form; name a "
                        "file for each input, or none");
      }
      continue;
    }
    if (&argument != &data.front() && arrays.empty()) {
      refuse_argument(data.front(),
                      "stands beside --data NAME=FILE, but not in that form; name a "
                      "file for each input, or none");
    }
    if (std::ranges::find(arrays, *name, &MappedArray::name) != arrays.end()) {
      refuse_argument(argument, "that input was given a file before");
    }
    arrays.push_back(parse_mapping(*name, argument.substr(name->size() + 1)));
  }
  return arrays;
}

void list_argument(const std::string& argument, const std::vector<std::string>& names,
                   Collector& found) {
  if (argument.starts_with('@')) {
    list_lines(argument.substr(1), found);
  } else if (has_wildcard(argument) && !exists(argument)) {
    list_pattern(argument, found);
  } else if (argument.find('=') != std::string::npos && !exists(argument)) {
    std::string inputs;
    for (const std::string& name : names) {
      inputs += (inputs.empty() ? "" : ", ") + printable(name, 60);
    }
    refuse_argument(argument, fmt::format("there is no such file, and what stands in front of = is "
                                          "no input of the model, whose inputs are {}",
                                          inputs));
  } else {
    list_path(argument, found);
  }
}

}  // namespace

DataListing list_data(const std::vector<std::string>& data, const std::vector<std::string>& names,
                      bool others_are_images) {
  if (data.empty()) {
    throw Error(ErrorCode::kUsage, "no samples were given; ptq never invents data (--data PATH)");
  }
  if (std::vector<MappedArray> mapped = list_mapped(data, names); !mapped.empty()) {
    return {nullptr, {}, std::move(mapped)};
  }
  Collector found(others_are_images);
  for (const std::string& argument : data) {
    list_argument(argument, names, found);
  }
  return found.take(data.size() == 1 ? printable(data[0]) : "--data");
}

std::string stratum_in_list(const fs::path& list, const fs::path& file) {
  return stratum_below(list.parent_path(), file);
}

}  // namespace ptq
