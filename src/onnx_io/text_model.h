#pragma once
// Models written in ONNX's text syntax (onnx/defs/parser.h). Every test that needs a model calls
// this. One thread.

#include <string_view>

#include "ptq/graph.h"

namespace ptq {

// Parses `<ir_version: 8, opset_import: ["" : 17]> name (float[1,3] x) => (float[1,3] y) { y =
// Relu(x) }`. The model passes the same checks as one from a file. Throws Error{kInput} with line
// and column.
Model parse_text_model(std::string_view text);

}  // namespace ptq
