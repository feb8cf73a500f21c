#pragma once
// A TensorProto in a file of its own, as test_data_set_N/input_K.pb holds one. Read by the data
// room. Any thread.

#include <filesystem>
#include <string>
#include <utility>

#include "ptq/tensor.h"

namespace ptq {

// Name (may be empty) and value of the tensor in `path`. A type that ptq does not compute with
// gives a Tensor without bytes. Throws Error{kInput} naming the file when it holds no whole tensor,
// or one whose data lies in another file.
std::pair<std::string, Tensor> read_tensor_file(const std::filesystem::path& path);

}  // namespace ptq
