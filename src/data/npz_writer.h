#pragma once
// Writes arrays as an npz archive that numpy and `--data` read. Free function; any thread.

#include <filesystem>
#include <map>
#include <string>

#include "ptq/tensor.h"

namespace ptq {

// One stored (not compressed) member an array, in the order of the names; equal arrays give equal
// bytes. Appears whole or not at all. Throws Error{kUsage} for an element type that npy lacks and
// Error{kEnvironment} when the file cannot be written.
void write_npz(const std::filesystem::path& path, const std::map<std::string, Tensor>& arrays);

}  // namespace ptq
