#include "data/data_listing.h"

#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "data/byte_stream.h"
#include "data/formats.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTestSetPrefix = "test_data_set_";

[[noreturn]] void refuse(const fs::path& path, std::string_view what) {
  throw Error(ErrorCode::kInput, fmt::format("{}: {}", path_text(path), what));
}

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

// Bytewise (std::string compares as unsigned bytes), but test_data_set_N by number and behind all
// else.
bool name_before(const std::string& a, const std::string& b) {
  const std::string x = test_set_number(a);
  const std::string y = test_set_number(b);
  return std::tuple(x.size(), x, a) < std::tuple(y.size(), y, b);
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failure;
  fs::directory_iterator entries(folder, failure);
  for (; !failure && entries != fs::directory_iterator(); entries.increment(failure)) {
    std::string name = entries->path().filename().string();
    if (!name.starts_with('.')) {
      names.push_back(std::move(name));
    }
  }
  if (failure) {
    refuse(folder, fmt::format("the folder cannot be listed: {}", failure.message()));
  }
  std::ranges::sort(names, name_before);
  return names;
}

// Collects files, which must all be of one format.
class Collector {
 public:
  void add(const DataFormat& format, fs::path path, std::string stratum) {
    const auto count =
        std::ranges::find(counts_, &format, &std::pair<const DataFormat*, size_t>::first);
    if (count == counts_.end()) {
      counts_.emplace_back(&format, 1);
    } else {
      ++count->second;
    }
    files_.push_back({std::move(path), std::move(stratum)});
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
      throw Error(ErrorCode::kInput,
                  fmt::format("{}: expected one kind of data, found {}; keep each kind (and "
                              "labels) in a folder of its own",
                              where, found));
    }
    PTQ_CHECK(counts_.size() == 1);
    return {counts_[0].first, std::move(files_)};
  }

 private:
  std::vector<std::pair<const DataFormat*, size_t>> counts_;  // in order of appearance
  std::vector<DataFile> files_;
  std::string other_;
};

// What lies directly in a stratum's folder.
void list_stratum(const fs::path& folder, const std::string& stratum, Collector& found) {
  for (const std::string& name : names_in(folder)) {
    const fs::path path = folder / name;
    std::error_code ignored;
    const bool is_folder = fs::is_directory(path, ignored);
    const DataFormat* format = is_folder ? format_of_folder(path) : format_of_file(path);
    if (format != nullptr) {
      found.add(*format, path, stratum);
    } else if (is_folder) {
      refuse(path,
             "expected samples at most one folder deep, where each subfolder is a stratum; move "
             "this folder up, or give its files with a pattern (--data 'DIR/**/*.npz')");
    } else {
      found.add_other(stratum + "/" + name);
    }
  }
}

// Files of the folder itself come first, then those of its subfolders.
void list_folder(const fs::path& folder, Collector& found) {
  if (const DataFormat* format = format_of_folder(folder)) {
    found.add(*format, folder, {});
    return;
  }
  const size_t before = found.size();
  std::vector<std::string> strata;
  for (const std::string& name : names_in(folder)) {
    const fs::path path = folder / name;
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      if (const DataFormat* format = format_of_folder(path)) {
        found.add(*format, path, {});
      } else {
        strata.push_back(name);
      }
    } else if (const DataFormat* format = format_of_file(path)) {
      found.add(*format, path, {});
    } else {
      found.add_other(name);
    }
  }
  for (const std::string& name : strata) {
    list_stratum(folder / name, name, found);
  }
  if (found.size() == before) {
    refuse(folder,
           fmt::format("expected {}, found {}; save samples with numpy.savez", format_names(),
                       found.other().empty()
                           ? std::string("an empty folder")
                           : fmt::format("none (only such as '{}')", printable(found.other()))));
  }
}

void list_path(const fs::path& path, Collector& found) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (status.type() == fs::file_type::not_found) {
    refuse(path, "no such file or folder of samples");
  }
  if (failure) {
    refuse(path, failure.message());
  }
  if (fs::is_directory(status)) {
    list_folder(path, found);
    return;
  }
  const DataFormat* format = format_of_file(path);
  if (format == nullptr) {
    refuse(path, fmt::format("expected {}, told by the extension", format_names()));
  }
  found.add(*format, path, {});
}

}  // namespace

DataListing list_data(const std::vector<std::string>& data) {
  if (data.empty()) {
    throw Error(ErrorCode::kUsage, "no samples were given; ptq never invents data (--data PATH)");
  }
  Collector found;
  for (const std::string& argument : data) {
    list_path(argument, found);
  }
  return found.take(data.size() == 1 ? printable(data[0]) : "--data");
}

std::vector<fs::path> named_paths(const std::vector<std::string>& data) {
  std::vector<fs::path> paths;
  for (const std::string& argument : data) {
    std::error_code ignored;
    if (fs::exists(argument, ignored)) {
      paths.emplace_back(argument);
    }
  }
  return paths;
}

}  // namespace ptq
