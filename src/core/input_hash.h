#pragma once
// The hash of one sample (docs/formats.md), the same wherever it is taken: from files by
// calibration, from the inputs of a run by observers in production. Free functions; any thread.

#include <map>
#include <string>

#include "ptq/fingerprint.h"
#include "ptq/tensor.h"

namespace ptq {

// SHA-256 of names, types, shapes and bytes of the inputs.
Digest input_hash(const std::map<std::string, Tensor>& inputs);

}  // namespace ptq
