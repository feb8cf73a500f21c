#pragma once
// Which files the arguments of --data mean, in which order, and of which format they are. Free
// functions; any thread.

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace ptq {

struct DataFormat;

struct DataFile {
  std::filesystem::path path;  // a file, or a test_data_set folder
  std::string stratum;         // the subfolder it lies in; "" for none
};

struct DataListing {
  const DataFormat* format = nullptr;
  std::vector<DataFile> files;  // not empty
};

// Lists files and folders in the order of `data`, files of a folder in bytewise order,
// test_data_set_N by number, hidden files left out. Throws Error{kInput} for what is missing, is no
// data, or is of several formats.
DataListing list_data(const std::vector<std::string>& data);

// The files and folders that the arguments name and that exist: what an output must not replace.
std::vector<std::filesystem::path> named_paths(const std::vector<std::string>& data);

}  // namespace ptq
