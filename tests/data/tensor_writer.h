#pragma once
// Makes serialized TensorProto messages for the tests, without protobuf.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/dtype.h"

namespace ptq::testing {

// A serialized TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9 (onnx.proto). Every
// length and value is below 128, so that each takes one byte.
inline std::string tensor_bytes(std::string_view name, DType dtype,
                                const std::vector<int64_t>& dims, const std::string& raw) {
  std::string bytes;
  for (const int64_t dim : dims) {
    bytes += std::string("\x08") + static_cast<char>(dim);
  }
  bytes += std::string("\x10") + static_cast<char>(dtype);
  bytes += std::string("\x42") + static_cast<char>(name.size()) + std::string(name);
  return bytes + "\x4a" + static_cast<char>(raw.size()) + raw;
}

}  // namespace ptq::testing
