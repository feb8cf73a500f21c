#pragma once
// The formats that samples come in, one row each. A new format is a SampleReader, its opening
// function in sample_reader.h, and a row in formats.cpp.

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/sample_reader.h"

namespace ptq {

struct DataFormat {
  std::string_view name;                       // for messages: ".npz"
  std::array<std::string_view, 4> extensions;  // lower case with the dot; unused ones are empty
  bool is_folder = false;                      // a folder is one sample: test_data_set_N
  bool images = false;                         // takes image_spec and skip_bad
  bool tokens = false;                         // takes pad_id, pad_to and truncate
  // `files` is not empty.
  std::unique_ptr<SampleReader> (*open)(std::vector<DataFile> files, std::vector<InputSpec> inputs,
                                        const DataOptions& options) = nullptr;
};

std::span<const DataFormat> data_formats();

// By the extension of a file, in either case, or by what a folder holds and is named; null for
// none.
const DataFormat* format_of_file(const std::filesystem::path& path);
const DataFormat* format_of_folder(const std::filesystem::path& folder);
const DataFormat* image_format();

// ".npz, .npy or test_data_set_N folders"
std::string format_names();

}  // namespace ptq
