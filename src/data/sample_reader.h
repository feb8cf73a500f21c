#pragma once
// The ways of reading samples behind open_data, one reader a format (data/formats.cpp). A reader
// checks names, types, shapes and values; fingerprint and warnings about all samples are added on
// top, in sample_source.cpp. Not synchronized.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/data_listing.h"
#include "data/mapped_arrays.h"
#include "data/sample_source.h"

namespace ptq {

class SampleReader {
 public:
  virtual ~SampleReader() = default;
  // The next sample with all its fields, in order; nothing after the last.
  virtual std::optional<Sample> read() = 0;
  // Passes over the next sample; false when there is none. Readers that can do so without decoding
  // override it.
  virtual bool skip() { return read().has_value(); }
  // Number of samples that read() and skip() give in all. With DataOptions::skip_bad it may fall
  // while reading; it is exact after the last.
  virtual size_t size() const = 0;
  // As those of SampleSource.
  virtual std::string preprocessing() const { return {}; }
  virtual std::vector<std::string> warnings() const { return {}; }
};

// Files .npz, .npy or .safetensors in the given order. Checks all headers, up to the file that
// fills max_samples.
std::unique_ptr<SampleReader> read_array_files(std::vector<DataFile> files,
                                               std::vector<InputSpec> inputs,
                                               const DataOptions& options);

// The arrays of a mapping, one data set.
std::unique_ptr<SampleReader> read_mapped_arrays(std::vector<MappedArray> arrays,
                                                 std::vector<InputSpec> inputs,
                                                 const DataOptions& options);

// Files .jsonl of token ids. Indexes all lines and parses the first.
std::unique_ptr<SampleReader> read_token_files(std::vector<DataFile> files,
                                               std::vector<InputSpec> inputs,
                                               const DataOptions& options);

// Folders with input_K.pb, one sample each, in the given order.
std::unique_ptr<SampleReader> read_test_sets(std::vector<DataFile> folders,
                                             std::vector<InputSpec> inputs,
                                             const DataOptions& options);

// JPEG and PNG files, prepared as DataOptions::image_spec says; one sample is as many images as the
// model takes at a time. Checks all headers unless skip_bad is set, up to the file that fills
// max_samples.
std::unique_ptr<SampleReader> read_images(std::vector<DataFile> files,
                                          std::vector<InputSpec> inputs,
                                          const DataOptions& options);

// Whether the folder holds an input_K.pb.
bool is_test_set(const std::filesystem::path& folder);

}  // namespace ptq
