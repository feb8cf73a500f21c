#pragma once
// Files of named arrays in the safetensors format: eight bytes with the length of a JSON head, the
// head, and the arrays, dense and without a hole. Any thread.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/array_file.h"

namespace ptq {

struct SafetensorsEntry {
  std::string name{};
  DType dtype = DType::kUndefined;
  Shape shape{};
  uint64_t begin = 0;  // first byte and the one behind the last, from the end of the head
  uint64_t end = 0;

  bool operator==(const SafetensorsEntry&) const = default;
};

// Entries of the head `text` by their place in a file with `data_bytes` behind its head. Throws
// Error{kInput} unless each entry's size is that of its type and shape and the entries, put in a
// row, fill the data exactly.
std::vector<SafetensorsEntry> parse_safetensors_head(std::string_view text, uint64_t data_bytes,
                                                     const std::string& where);

// Reads and checks the head. Throws Error{kInput}.
std::unique_ptr<ArrayFile> open_safetensors(const std::filesystem::path& path);

}  // namespace ptq
