// Samples from test_data_set_N folders, the form of the ONNX model zoo and of backend tests.

#include <algorithm>
#include <iterator>
#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "data/array_fit.h"
#include "data/byte_stream.h"
#include "data/findings.h"
#include "data/sample_check.h"
#include "data/sample_reader.h"
#include "onnx_io/tensor_file.h"
#include "ptq/error.h"

namespace ptq {
namespace {

namespace fs = std::filesystem;

fs::path input_file(const fs::path& folder, size_t k) {
  return folder / fmt::format("input_{}.pb", k);
}

// How many files input_0.pb, input_1.pb, … follow each other without a gap.
size_t count_input_files(const fs::path& folder) {
  std::error_code ignored;
  size_t count = 0;
  while (fs::exists(input_file(folder, count), ignored)) {
    ++count;
  }
  return count;
}

class TestSetReader : public SampleReader {
 public:
  TestSetReader(std::vector<DataFile> folders, std::vector<InputSpec> inputs,
                const DataOptions& options)
      : folders_(std::move(folders)),
        inputs_(std::move(inputs)),
        allow_nonfinite_(options.allow_nonfinite) {
    std::ranges::copy_if(inputs_, std::back_inserter(required_), [&](const InputSpec& spec) {
      return std::ranges::find(options.optional_inputs, spec.name) == options.optional_inputs.end();
    });
    if (!options.label_key.empty()) {
      throw Error(
          ErrorCode::kUsage,
          fmt::format("labels by key '{}' need npz files, but {} is a test_data_set folder; "
                      "give the labels in a file of their own",
                      printable(options.label_key), path_text(folders_.front().path)));
    }
    if (options.max_samples > 0) {
      folders_.resize(std::min(folders_.size(), static_cast<size_t>(options.max_samples)));
    }
    for (const auto& [folder, stratum, row] : folders_) {
      const size_t found = count_input_files(folder);
      if (found < required_.size()) {
        refuse_data(DataFinding::kMissingInput, path_text(folder),
                    fmt::format("expected input_0.pb to input_{}.pb, one for each model input, "
                                "found {} of them",
                                required_.size() - 1, found));
      }
    }
  }

  size_t size() const override { return folders_.size(); }

  bool skip() override {
    const bool more = next_ < folders_.size();
    next_ += more ? 1 : 0;
    return more;
  }

  std::optional<Sample> read() override {
    if (next_ == folders_.size()) {
      return std::nullopt;
    }
    const fs::path& folder = folders_[next_].path;
    const size_t count = count_input_files(folder);
    std::vector<std::pair<std::string, Tensor>> tensors;
    for (size_t k = 0; k < count; ++k) {
      tensors.push_back(read_tensor_file(input_file(folder, k)));
    }
    Sample sample;
    sample.stratum = folders_[next_].stratum;
    sample.sequence = static_cast<int64_t>(next_++);
    sample.origin = folder.filename().empty() ? folder.parent_path().filename().string()
                                              : folder.filename().string();
    for (const auto& [spec, k] : match_inputs(folder, tensors)) {
      const Tensor& tensor = tensors[k].second;
      const std::string where = path_text(input_file(folder, k));
      check_whole(*spec, tensor.dtype(), tensor.shape(), where);
      if (bit_width(tensor.dtype()) == 0) {
        refuse_data(DataFinding::kUnsupported, where,
                    fmt::format("tensors of type {} cannot be fed to a model by ptq",
                                dtype_name(tensor.dtype())));
      }
      check_values(tensor, 0, allow_nonfinite_, where);
      check_ids(*spec, tensor, 0, where);
      sample.inputs.emplace(spec->name, tensor);
    }
    return sample;
  }

 private:
  using Matches = std::vector<std::pair<const InputSpec*, size_t>>;  // input, K

  // By name when the names of all required inputs are there, else by K.
  Matches match_inputs(const fs::path& folder,
                       const std::vector<std::pair<std::string, Tensor>>& tensors) const {
    std::map<std::string, size_t> positions;
    for (size_t k = 0; k < tensors.size(); ++k) {
      positions.emplace(tensors[k].first, k);
    }
    const auto has_name = [&](const InputSpec& spec) { return positions.contains(spec.name); };
    Matches matches;
    if (std::ranges::all_of(required_, has_name)) {
      for (const InputSpec& spec : inputs_) {
        if (has_name(spec)) {
          matches.emplace_back(&spec, positions.at(spec.name));
        }
      }
      return matches;
    }
    const std::vector<InputSpec>& specs = tensors.size() == inputs_.size() ? inputs_ : required_;
    if (tensors.size() != specs.size()) {
      refuse_data(DataFinding::kMissingInput, path_text(folder),
                  fmt::format("{} input files for {} model inputs, and the tensors do not carry "
                              "the names of the inputs, the first of which is {}",
                              tensors.size(), specs.size(), spec_text(specs.front())));
    }
    for (size_t k = 0; k < specs.size(); ++k) {
      matches.emplace_back(&specs[k], k);
    }
    return matches;
  }

  std::vector<DataFile> folders_;
  std::vector<InputSpec> inputs_;
  std::vector<InputSpec> required_;  // those that are not optional
  bool allow_nonfinite_;
  size_t next_ = 0;
};

}  // namespace

bool is_test_set(const std::filesystem::path& folder) {
  std::error_code ignored;
  return fs::exists(input_file(folder, 0), ignored);
}

std::unique_ptr<SampleReader> read_test_sets(std::vector<DataFile> folders,
                                             std::vector<InputSpec> inputs,
                                             const DataOptions& options) {
  return std::make_unique<TestSetReader>(std::move(folders), std::move(inputs), options);
}

}  // namespace ptq
