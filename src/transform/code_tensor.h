#pragma once
// Codes as an initializer. Pure; any thread.

#include <cstdint>
#include <span>

#include "ptq/tensor.h"

namespace ptq {

// `dtype` is one of 8 or 16 bit, signed or not; one code an element of `shape`.
Tensor code_tensor(DType dtype, Shape shape, std::span<const int32_t> codes);

}  // namespace ptq
