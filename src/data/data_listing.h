#pragma once
// Which files the arguments of --data mean, in which order, and of which format they are. Free
// functions; any thread.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/mapped_arrays.h"

namespace ptq {

struct DataFormat;

struct DataFile {
  std::filesystem::path path;  // a file, or a test_data_set folder
  std::string stratum;         // the subfolder it lies in; "" for none
  // Only this sample of the file, counted from 0: a line FILE#K of a list.
  std::optional<uint64_t> row = std::nullopt;
};

struct DataListing {
  const DataFormat* format = nullptr;
  std::vector<DataFile> files;
  // Instead of both: arrays that --data NAME=FILE names one by one.
  std::vector<MappedArray> mapped;
};

// Each argument is
//   - a file or folder; files of a folder in bytewise order of their names, test_data_set_N by
//     number, hidden ones left out, then its subfolders, which are strata, each named;
//   - a pattern with * ? [...], and ** for any number of folders: what it matches, by folder, then
//     by name; what exists under that very name is no pattern;
//   - @LIST: a file with a path a line, relative to its folder, in that order; lines that are blank
//     or begin with # are left out; FILE#K, where no file has that very name, is sample K of FILE;
//   - NAME=FILE with a name of `names` (model inputs, key of the labels), see mapped_arrays.h.
// Files of a pattern or a list have the first folder below the fixed part of the pattern, or below
// the folder of the list, as stratum. Throws Error{kInput} for what is missing, is no data or is of
// several formats, Error{kUsage} for arguments that make no sense. With `others_are_images`, a file
// whose name belongs to no format counts as an image, so that it is not passed over in silence.
DataListing list_data(const std::vector<std::string>& data, const std::vector<std::string>& names,
                      bool others_are_images = false);

// The stratum of a file that the list names: the first folder below that of the list.
std::string stratum_in_list(const std::filesystem::path& list, const std::filesystem::path& file);

}  // namespace ptq
