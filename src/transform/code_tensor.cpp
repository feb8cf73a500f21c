#include "transform/code_tensor.h"

#include <utility>

namespace ptq {

Tensor code_tensor(DType dtype, Shape shape, std::span<const int32_t> codes) {
  Tensor tensor(dtype, std::move(shape));
  // Both types of a width store the low bytes of the code, lowest first.
  const size_t width = static_cast<size_t>(bit_width(dtype)) / 8;
  for (size_t i = 0; i < codes.size(); ++i) {
    for (size_t k = 0; k < width; ++k) {
      tensor.mutable_bytes()[i * width + k] = static_cast<std::byte>((codes[i] >> (8 * k)) & 0xFF);
    }
  }
  return tensor;
}

}  // namespace ptq
