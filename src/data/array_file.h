#pragma once
// A file of named arrays: an npz archive, a safetensors file, or an npy file with one array that
// has no name. Opening reads the directory only; every size is checked against what is stored
// before memory is taken. The one place that knows libzip. One thread.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/array_reader.h"

namespace ptq {

class ArrayFile {
 public:
  virtual ~ArrayFile() = default;
  // Keys in the order of the file; one "" for npy.
  virtual const std::vector<std::string>& keys() const = 0;
  // A reader at the first row of array `key`, which must be one of keys(). It may outlive this.
  virtual std::unique_ptr<ArrayReader> open_array(std::string_view key) const = 0;
};

// By the extension of `path`: .npz, .npy or .safetensors. Throws Error{kInput}.
std::unique_ptr<ArrayFile> open_array_file(const std::filesystem::path& path);

}  // namespace ptq
