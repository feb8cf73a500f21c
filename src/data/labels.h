#pragma once
// Labels that lie in a file of their own, for validation. Free functions; any thread.

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "ptq/tensor.h"

namespace ptq {

// One integer a sample, in order, from
//   - .npy: a 1-D integer array;
//   - .csv: the column named label, else the last one; a first line whose value there is no integer
//   is
//     a header. Fields may be quoted.
// Throws Error{kInput} naming file and line or index.
std::vector<int64_t> read_labels(const std::filesystem::path& path);

// Elements of an integer tensor whose first is element `first_row` of the array that `where` names.
// Throws Error{kInput} for a uint64 that int64 cannot hold.
std::vector<int64_t> label_values(const Tensor& tensor, int64_t first_row, std::string_view where);

}  // namespace ptq
