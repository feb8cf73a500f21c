#pragma once
// A dense row-major tensor: element type, shape, bytes. The bytes are owned (64-byte aligned) or a
// view into memory that a shared owner keeps alive, such as a mapped file. Copying a Tensor copies
// a handle; the first write through `mutable_bytes` detaches it (copy on write). Reading one Tensor
// from many threads is safe, writing is not.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ptq/dtype.h"
#include "ptq/error.h"

namespace ptq {

using Shape = std::vector<int64_t>;

// Product of the dimensions. Throws Error{kInput} when a dimension is negative or the product
// overflows int64.
int64_t element_count(std::span<const int64_t> shape);

// "[1,3,224,224]"; "?" stands for an unknown dimension (-1).
std::string shape_text(std::span<const int64_t> shape);

// Bytes that `count` elements take, 4-bit types packed two a byte. Throws Error{kInput} on
// overflow.
size_t packed_byte_size(DType dtype, int64_t count);

class Tensor {
 public:
  Tensor() = default;
  // Zero-filled and owned.
  Tensor(DType dtype, Shape shape);
  // `size_bytes` at `data`, alive as long as `owner`. The size must fit dtype and shape, the
  // address must suit the element type.
  static Tensor view(DType dtype, Shape shape, std::shared_ptr<const void> owner,
                     const std::byte* data, size_t size_bytes);
  template <typename T>
  static Tensor from(Shape shape, std::span<const T> values);
  template <typename T>
  static Tensor scalar(T value) {
    return from<T>({}, std::span<const T>(&value, 1));
  }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  int64_t size() const { return size_; }  // elements
  std::span<const std::byte> bytes() const { return {data_, size_bytes_}; }
  std::span<std::byte> mutable_bytes();

  // Typed access; throws Error{kInternal} when T is not the element type.
  template <typename T>
  std::span<const T> data() const;
  template <typename T>
  std::span<T> mutable_data();

  // Same bytes under another shape of equal size.
  Tensor reshaped(Shape shape) const;
  // Rows [first, first + count) along axis 0, without a copy. Not for 4-bit types.
  Tensor slice_rows(int64_t first, int64_t count) const;

 private:
  void check_type(DType wanted) const;

  DType dtype_ = DType::kUndefined;
  Shape shape_;
  int64_t size_ = 0;
  std::shared_ptr<const void> owner_;
  const std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
  bool writable_ = false;  // owned memory, may be written when no other handle shares it
};

// Elements as float32: float16, bfloat16, float64 and all integer types up to 64 bits, 4-bit types
// unpacked low nibble first, bool as 0 and 1. Throws Error{kInput} for strings and complex numbers.
std::vector<float> to_floats(const Tensor& tensor);
// Elements as int64 for integer (not uint64) and bool tensors. Throws Error{kInput} for other
// types.
std::vector<int64_t> to_int64s(const Tensor& tensor);

template <typename T>
std::span<const T> Tensor::data() const {
  check_type(dtype_of<T>());
  return {reinterpret_cast<const T*>(data_), static_cast<size_t>(size_)};
}

template <typename T>
std::span<T> Tensor::mutable_data() {
  check_type(dtype_of<T>());
  return {reinterpret_cast<T*>(mutable_bytes().data()), static_cast<size_t>(size_)};
}

template <typename T>
Tensor Tensor::from(Shape shape, std::span<const T> values) {
  Tensor tensor(dtype_of<T>(), std::move(shape));
  std::span<T> out = tensor.mutable_data<T>();
  PTQ_CHECK(values.size() == out.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = values[i];
  }
  return tensor;
}

}  // namespace ptq
