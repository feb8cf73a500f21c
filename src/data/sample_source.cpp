#include "data/sample_source.h"

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "data/byte_stream.h"
#include "data/sample_check.h"
#include "data/sample_reader.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTestSetPrefix = "test_data_set_";

class CheckedSource : public SampleSource {
 public:
  explicit CheckedSource(std::unique_ptr<SampleReader> reader) : reader_(std::move(reader)) {}

  size_t size() const override { return reader_->size(); }

  std::optional<Sample> next() override {
    std::optional<Sample> sample = reader_->read();
    if (sample) {
      digest_.add(*sample);
      ++given_;
    }
    return sample;
  }

  std::string fingerprint() const override {
    PTQ_CHECK(given_ == reader_->size());
    return digest_.fingerprint();
  }

  std::vector<std::string> warnings() const override {
    PTQ_CHECK(given_ == reader_->size());
    return digest_.warnings();
  }

 private:
  std::unique_ptr<SampleReader> reader_;
  SampleDigest digest_;
  size_t given_ = 0;
};

// What a folder holds, names in bytewise order (hidden files left out).
struct Listing {
  std::vector<fs::path> npz;
  std::vector<fs::path> npy;
  std::vector<fs::path> test_sets;  // by number
  std::string other;                // some other name, for the message
};

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

Listing list_folder(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failure;
  fs::directory_iterator entries(folder, failure);
  for (; !failure && entries != fs::directory_iterator(); entries.increment(failure)) {
    names.push_back(entries->path().filename().string());
  }
  if (failure) {
    throw Error(ErrorCode::kInput, fmt::format("{}: the folder cannot be listed: {}",
                                               path_text(folder), failure.message()));
  }
  std::sort(names.begin(), names.end());  // std::string compares as unsigned bytes
  Listing listing;
  for (const std::string& name : names) {
    const fs::path path = folder / name;
    if (name.starts_with('.')) {
      continue;
    }
    if (name.ends_with(".npz")) {
      listing.npz.push_back(path);
    } else if (name.ends_with(".npy")) {
      listing.npy.push_back(path);
    } else if (!test_set_number(name).empty() && fs::is_directory(path, failure)) {
      listing.test_sets.push_back(path);
    } else {
      listing.other = name;
    }
  }
  std::stable_sort(listing.test_sets.begin(), listing.test_sets.end(),
                   [](const fs::path& a, const fs::path& b) {
                     const std::string x = test_set_number(a.filename().string());
                     const std::string y = test_set_number(b.filename().string());
                     return std::pair(x.size(), x) < std::pair(y.size(), y);
                   });
  return listing;
}

std::unique_ptr<SampleReader> read_folder(const fs::path& folder, std::vector<InputSpec> inputs,
                                          const DataOptions& options) {
  if (is_test_set(folder)) {
    return read_test_sets({folder}, std::move(inputs), options);
  }
  Listing listing = list_folder(folder);
  const int kinds = static_cast<int>(!listing.npz.empty()) +
                    static_cast<int>(!listing.npy.empty()) +
                    static_cast<int>(!listing.test_sets.empty());
  if (kinds > 1) {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: expected one kind of data, found {} .npz and {} .npy files and {} "
                            "test_data_set folders; keep each kind (and labels) in a folder of its "
                            "own",
                            path_text(folder), listing.npz.size(), listing.npy.size(),
                            listing.test_sets.size()));
  }
  if (kinds == 0) {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: expected .npz or .npy files or test_data_set_N folders, found {}; "
                            "save samples with numpy.savez",
                            path_text(folder),
                            listing.other.empty() ? std::string("an empty folder")
                                                  : fmt::format("none (only such as '{}')",
                                                                printable(listing.other))));
  }
  if (!listing.test_sets.empty()) {
    return read_test_sets(std::move(listing.test_sets), std::move(inputs), options);
  }
  return read_array_files(std::move(listing.npz.empty() ? listing.npy : listing.npz),
                          std::move(inputs), options);
}

}  // namespace

std::vector<InputSpec> input_specs(const Graph& graph) {
  std::set<std::string_view> constants;
  for (const Constant& constant : graph.initializers) {
    constants.insert(constant.name);
  }
  std::vector<InputSpec> specs;
  for (const ValueInfo& value : graph.inputs) {
    if (!constants.contains(value.name)) {
      specs.push_back({value.name, value.dtype, value.shape, value.has_shape});
    }
  }
  return specs;
}

std::unique_ptr<SampleSource> open_data(const std::filesystem::path& path,
                                        std::vector<InputSpec> inputs, const DataOptions& options) {
  if (inputs.empty()) {
    throw Error(ErrorCode::kInput, "the model has no inputs that data could feed");
  }
  if (options.max_samples < 0) {
    throw Error(ErrorCode::kUsage, fmt::format("expected a number of samples that is not negative, "
                                               "found {}",
                                               options.max_samples));
  }
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (status.type() == fs::file_type::not_found) {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: no such file or folder of samples", path_text(path)));
  }
  if (failure) {
    throw Error(ErrorCode::kInput, fmt::format("{}: {}", path_text(path), failure.message()));
  }
  return std::make_unique<CheckedSource>(
      fs::is_directory(status) ? read_folder(path, std::move(inputs), options)
                               : read_array_files({path}, std::move(inputs), options));
}

}  // namespace ptq
