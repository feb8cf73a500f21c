#include "ptq/tensor.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and the widest vector register

std::shared_ptr<std::byte> allocate(size_t size_bytes) {
  const size_t rounded = (size_bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, rounded == 0 ? kAlignment : rounded);
  if (memory == nullptr) {
    throw Error(ErrorCode::kEnvironment,
                fmt::format("out of memory: a tensor needs {} bytes", size_bytes));
  }
  return {static_cast<std::byte*>(memory), [](std::byte* p) { std::free(p); }};
}

template <typename T>
std::vector<float> cast_all(std::span<const std::byte> bytes) {
  std::vector<float> out(bytes.size() / sizeof(T));
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<float>(value);
  }
  return out;
}

template <typename T>
std::vector<int64_t> cast_ints(std::span<const std::byte> bytes) {
  std::vector<int64_t> out(bytes.size() / sizeof(T));
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    // NOLINTNEXTLINE(bugprone-signed-char-misuse): int8 is a number here
    out[i] = static_cast<int64_t>(value);
  }
  return out;
}

std::vector<float> convert_halves(std::span<const std::byte> bytes, float (*convert)(uint16_t)) {
  std::vector<float> out(bytes.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    uint16_t value = 0;
    std::memcpy(&value, bytes.data() + i * 2, 2);
    out[i] = convert(value);
  }
  return out;
}

// Any byte but 0 is true, as for ONNX Runtime; a file may hold others than 0 and 1.
std::vector<int64_t> cast_bools(std::span<const std::byte> bytes) {
  std::vector<int64_t> out(bytes.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = bytes[i] != std::byte{0} ? 1 : 0;
  }
  return out;
}

std::vector<int64_t> unpack_nibbles(const Tensor& tensor) {
  const bool is_signed = tensor.dtype() == DType::kInt4;
  std::vector<int64_t> out(static_cast<size_t>(tensor.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned>(tensor.bytes()[i / 2]);
    const auto nibble = static_cast<int64_t>(i % 2 == 0 ? byte & 0xFU : byte >> 4);
    out[i] = is_signed && nibble > 7 ? nibble - 16 : nibble;
  }
  return out;
}

}  // namespace

int64_t element_count(std::span<const int64_t> shape) {
  int64_t count = 1;
  bool empty = false;
  for (const int64_t dim : shape) {
    if (dim < 0) {
      throw Error(ErrorCode::kInput,
                  fmt::format("negative dimension in shape {}", shape_text(shape)));
    }
    empty = empty || dim == 0;
  }
  if (empty) {
    return 0;
  }
  for (const int64_t dim : shape) {
    if (count > std::numeric_limits<int64_t>::max() / dim) {
      throw Error(ErrorCode::kInput,
                  fmt::format("number of elements overflows in shape {}", shape_text(shape)));
    }
    count *= dim;
  }
  return count;
}

std::string shape_text(std::span<const int64_t> shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    out += i == 0 ? "" : ",";
    out +=
        shape[i] < 0 ? (shape[i] == -1 ? "?" : std::to_string(shape[i])) : std::to_string(shape[i]);
  }
  return out + "]";
}

size_t packed_byte_size(DType dtype, int64_t count) {
  PTQ_CHECK(count >= 0);
  const auto bits = static_cast<int64_t>(bit_width(dtype));
  if (bits != 0 && count > (std::numeric_limits<int64_t>::max() - 7) / bits) {
    throw Error(ErrorCode::kInput,
                fmt::format("size of {} elements of {} overflows", count, dtype_name(dtype)));
  }
  return static_cast<size_t>((count * bits + 7) / 8);
}

Tensor::Tensor(DType dtype, Shape shape) : dtype_(dtype), shape_(std::move(shape)) {
  size_ = element_count(shape_);
  size_bytes_ = packed_byte_size(dtype_, size_);
  const std::shared_ptr<std::byte> memory = allocate(size_bytes_);
  std::memset(memory.get(), 0, size_bytes_);
  data_ = memory.get();
  owner_ = memory;
  writable_ = true;
}

Tensor Tensor::view(DType dtype, Shape shape, std::shared_ptr<const void> owner,
                    const std::byte* data, size_t size_bytes) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  tensor.size_ = element_count(tensor.shape_);
  PTQ_CHECK(bit_width(dtype) == 0 || packed_byte_size(dtype, tensor.size_) == size_bytes);
  const auto alignment = static_cast<uintptr_t>(std::clamp(bit_width(dtype) / 8, 1, 8));
  PTQ_CHECK(reinterpret_cast<uintptr_t>(data) % alignment == 0);
  tensor.owner_ = std::move(owner);
  tensor.data_ = data;
  tensor.size_bytes_ = size_bytes;
  return tensor;
}

std::span<std::byte> Tensor::mutable_bytes() {
  if (!writable_ || owner_.use_count() > 1) {
    const std::shared_ptr<std::byte> memory = allocate(size_bytes_);
    if (size_bytes_ > 0) {
      std::memcpy(memory.get(), data_, size_bytes_);
    }
    data_ = memory.get();
    owner_ = memory;
    writable_ = true;
  }
  // The last other handle may have been dropped by another thread: its reads come before our
  // writes.
  std::atomic_thread_fence(std::memory_order_acquire);
  // Sound: the memory was allocated here as writable bytes and no other handle shares it.
  return {const_cast<std::byte*>(data_), size_bytes_};
}

Tensor Tensor::reshaped(Shape shape) const {
  PTQ_CHECK(element_count(shape) == size_);
  Tensor out = *this;
  out.shape_ = std::move(shape);
  return out;
}

Tensor Tensor::slice_rows(int64_t first, int64_t count) const {
  PTQ_CHECK(rank() > 0 && first >= 0 && count >= 0 && count <= shape_[0] &&
            first <= shape_[0] - count);
  PTQ_CHECK(bit_width(dtype_) >= 8);
  Shape shape = shape_;
  shape[0] = count;
  const size_t row_bytes = shape_[0] == 0 ? 0 : size_bytes_ / static_cast<size_t>(shape_[0]);
  return view(dtype_, std::move(shape), owner_, data_ + row_bytes * static_cast<size_t>(first),
              row_bytes * static_cast<size_t>(count));
}

void Tensor::check_type(DType wanted) const {
  if (wanted != dtype_) {
    throw Error(ErrorCode::kInternal,
                fmt::format("tensor of {} read as {}", dtype_name(dtype_), dtype_name(wanted)));
  }
}

std::vector<float> to_floats(const Tensor& tensor) {
  const std::span<const std::byte> bytes = tensor.bytes();
  switch (tensor.dtype()) {
    case DType::kFloat:
      return cast_all<float>(bytes);
    case DType::kDouble:
      return cast_all<double>(bytes);
    case DType::kFloat16:
      return convert_halves(bytes, half_to_float);
    case DType::kBfloat16:
      return convert_halves(bytes, bfloat16_to_float);
    case DType::kUint64:
      return cast_all<uint64_t>(bytes);
    case DType::kUndefined:
    case DType::kString:
    case DType::kComplex64:
    case DType::kComplex128:
      throw Error(ErrorCode::kInput, fmt::format("expected a tensor of real numbers, found {}",
                                                 dtype_name(tensor.dtype())));
    default:
      break;
  }
  const std::vector<int64_t> values = to_int64s(tensor);
  return {values.begin(), values.end()};
}

std::vector<int64_t> to_int64s(const Tensor& tensor) {
  const std::span<const std::byte> bytes = tensor.bytes();
  switch (tensor.dtype()) {
    case DType::kBool:
      return cast_bools(bytes);
    case DType::kUint8:
      return cast_ints<uint8_t>(bytes);
    case DType::kInt8:
      return cast_ints<int8_t>(bytes);
    case DType::kUint16:
      return cast_ints<uint16_t>(bytes);
    case DType::kInt16:
      return cast_ints<int16_t>(bytes);
    case DType::kInt32:
      return cast_ints<int32_t>(bytes);
    case DType::kUint32:
      return cast_ints<uint32_t>(bytes);
    case DType::kInt64:
      return cast_ints<int64_t>(bytes);
    case DType::kUint4:
    case DType::kInt4:
      return unpack_nibbles(tensor);
    default:
      throw Error(ErrorCode::kInput, fmt::format("expected a tensor of integers, found {}",
                                                 dtype_name(tensor.dtype())));
  }
}

}  // namespace ptq
