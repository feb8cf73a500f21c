#pragma once
// Arrays of several files under names that the command line gives them: --data x=a.npy, or
// x=a.bin,f32,?x3x224x224 for raw little-endian bytes. Behaves as one file of named arrays. Free
// functions; any thread.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/array_file.h"

namespace ptq {

// Element type and shape of raw bytes; -1 in front: as many rows as the file holds.
struct RawLayout {
  DType dtype = DType::kUndefined;
  Shape shape;
};

struct MappedArray {
  std::string name;  // of the model input, or the key of the labels
  std::filesystem::path path;
  std::optional<RawLayout> raw;
};

// Reads "a.bin,f32,?x3x224x224" or "a.npy", what stands behind NAME=. Only what ends in a type and
// a shape is raw, and only when no file has the whole text as its name. Throws Error{kUsage} for a
// type or shape that is none.
MappedArray parse_mapping(std::string name, std::string_view text);

// An npy file gives its array; npz and safetensors that of the same name, or their only one.
std::unique_ptr<ArrayFile> open_mapped_arrays(const std::vector<MappedArray>& arrays);

}  // namespace ptq
