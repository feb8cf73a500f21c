#pragma once
// Makes safetensors files for the tests, well formed or broken on purpose.

#include <cstdint>
#include <string>
#include <vector>

#include "data/npy_writer.h"

namespace ptq::testing {

inline std::string safetensors_with(const std::string& head, const std::string& data) {
  return number_bytes(head.size(), 8) + head + data;
}

struct NamedBytes {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};

inline std::string safetensors(const std::vector<NamedBytes>& arrays) {
  std::string head = R"({"__metadata__":{"format":"pt"})";
  std::string data;
  for (const NamedBytes& array : arrays) {
    std::string shape;
    for (const int64_t dimension : array.shape) {
      shape += (shape.empty() ? "" : ",") + std::to_string(dimension);
    }
    head += ",\"" + array.name + R"(":{"dtype":")" + array.dtype + R"(","shape":[)" + shape +
            R"(],"data_offsets":[)" + std::to_string(data.size()) + "," +
            std::to_string(data.size() + array.bytes.size()) + "]}";
    data += array.bytes;
  }
  return safetensors_with(head + "}  ", data);  // writers fill up with blanks
}

}  // namespace ptq::testing
