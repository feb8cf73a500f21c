#pragma once
// Reads ONNX models, untrusted ones too: structure and external paths are checked before anything
// else looks at them. Any thread.

#include <filesystem>
#include <string_view>

#include "ptq/graph.h"

namespace ptq {

// Reads the model at `path`; external data is mapped, and stays mapped as long as a tensor needs
// it. Throws Error{kInput} naming the file, the place in it and what to do.
Model read_model(const std::filesystem::path& path);

// The same from memory. External data lies in `base_dir`; an empty path refuses external data.
Model parse_model(std::string_view bytes, const std::filesystem::path& base_dir);

}  // namespace ptq
