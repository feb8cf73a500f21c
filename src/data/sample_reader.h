#pragma once
// The two ways of reading samples behind open_data: array files and test_data_set folders. A reader
// checks names, types, shapes and values; fingerprint and warnings are added on top, in
// sample_source.cpp. Not synchronized.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "data/sample_source.h"

namespace ptq {

class SampleReader {
 public:
  virtual ~SampleReader() = default;
  virtual std::optional<Sample> read() = 0;
  virtual size_t size() const = 0;
};

// Files .npz or .npy in the given order. Checks all headers, up to the file that fills max_samples.
std::unique_ptr<SampleReader> read_array_files(std::vector<std::filesystem::path> files,
                                               std::vector<InputSpec> inputs,
                                               const DataOptions& options);

// Folders with input_K.pb, one sample each, in the given order.
std::unique_ptr<SampleReader> read_test_sets(std::vector<std::filesystem::path> folders,
                                             std::vector<InputSpec> inputs,
                                             const DataOptions& options);

// Whether the folder holds an input_K.pb.
bool is_test_set(const std::filesystem::path& folder);

}  // namespace ptq
