#pragma once
// What 8-bit activations cost a file whose weights alone are codes. ONNX Runtime multiplies blocks
// of codes with activations that it rounds to 8 bits itself, unless it is told not to (level 4, its
// own choice for DequantizeLinear ─ MatMul). Called by validate_models; one thread.

#include <optional>

#include "ptq/graph.h"
#include "ptq/pipeline.h"
#include "runtime/session.h"

namespace ptq {

// The noise that the level adds is larger than that of the weights at some output. Compares on up
// to 16 of the samples, at the level of `request` and at 0. Nothing for files without such weights,
// and for other levels than 4.
std::optional<ValidationFinding> accuracy_level_finding(const Model& reference, const Session& fp32,
                                                        const Model& quantized,
                                                        const std::filesystem::path& path,
                                                        const DataRequest& data,
                                                        const SessionOptions& options,
                                                        int accuracy_level);

}  // namespace ptq
