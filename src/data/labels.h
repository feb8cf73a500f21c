#pragma once
// Labels that lie in a file of their own, for validation. Free functions; any thread.

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "data/array_reader.h"
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

// Refuses (Error{kInput}) labels that are no numbers or not one row for each of `samples`.
void check_target_rows(const ArrayHeader& header, int64_t samples, std::string_view where);
// One row [1, ...] as [...].
Tensor without_sample_axis(const Tensor& row);

// Rows of numbers of a .csv file, all as long: labels that are no classes. A first line whose last
// field is no number is a header; with one, the columns named sample, file and index are left out.
struct NumberTable {
  std::vector<std::vector<float>> rows;
};
NumberTable read_number_table(const std::filesystem::path& path);

}  // namespace ptq
