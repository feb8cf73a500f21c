#include "onnx_io/tensor_proto.h"

#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "onnx/onnx_pb.h"
#include "onnx_io/proto_walk.h"
#include "ptq/error.h"

namespace ptq {
namespace {

static_assert(std::endian::native == std::endian::little, "raw tensor data is little endian");

constexpr size_t kCopyBelow = 4096;  // bytes: below, an aligned copy is cheaper than a handle

Shape shape_of(const onnx::TensorProto& proto) {
  return {proto.dims().begin(), proto.dims().end()};
}

void clear_payload(onnx::TensorProto& proto) {
  proto.clear_raw_data();
  proto.clear_float_data();
  proto.clear_int32_data();
  proto.clear_int64_data();
  proto.clear_uint64_data();
  proto.clear_double_data();
  proto.clear_external_data();
  proto.clear_data_location();
}

Tensor copy_bytes(DType dtype, Shape shape, const void* data, size_t size_bytes) {
  Tensor tensor(dtype, std::move(shape));
  const std::span<std::byte> out = tensor.mutable_bytes();
  PTQ_CHECK(out.size() == size_bytes);
  if (size_bytes > 0) {
    std::memcpy(out.data(), data, size_bytes);
  }
  return tensor;
}

// A view where the address suits the element type, else a copy.
Tensor view_or_copy(DType dtype, Shape shape, std::shared_ptr<const void> owner,
                    const std::byte* data, size_t size_bytes) {
  const bool is_aligned = reinterpret_cast<uintptr_t>(data) % alignof(uint64_t) == 0;
  if (!is_aligned || size_bytes < kCopyBelow) {
    return copy_bytes(dtype, std::move(shape), data, size_bytes);
  }
  return Tensor::view(dtype, std::move(shape), std::move(owner), data, size_bytes);
}

// `values` narrowed to `width_bytes` each, low bytes first.
template <typename Values>
Tensor narrow_values(DType dtype, Shape shape, const Values& values, size_t width_bytes) {
  Tensor tensor(dtype, std::move(shape));
  const std::span<std::byte> out = tensor.mutable_bytes();
  PTQ_CHECK(out.size() == static_cast<size_t>(values.size()) * width_bytes);
  size_t position = 0;
  for (const auto value : values) {
    std::memcpy(out.data() + position, &value, width_bytes);
    position += width_bytes;
  }
  return tensor;
}

Tensor take_typed(DType dtype, Shape shape, const onnx::TensorProto& proto) {
  const size_t width_bytes = static_cast<size_t>(bit_width(dtype) + 7) / 8;
  switch (dtype) {
    case DType::kFloat:
    case DType::kComplex64:  // pairs of floats
      return narrow_values(dtype, std::move(shape), proto.float_data(), sizeof(float));
    case DType::kDouble:
    case DType::kComplex128:
      return narrow_values(dtype, std::move(shape), proto.double_data(), sizeof(double));
    case DType::kInt64:
      return narrow_values(dtype, std::move(shape), proto.int64_data(), sizeof(int64_t));
    case DType::kUint32:
    case DType::kUint64:
      return narrow_values(dtype, std::move(shape), proto.uint64_data(), width_bytes);
    default:  // narrower integers, bool, halves as bit patterns, two 4-bit codes in one entry
      return narrow_values(dtype, std::move(shape), proto.int32_data(), width_bytes);
  }
}

size_t needed_bytes(const onnx::TensorProto& proto) {
  const std::optional<int> bits = onnx_bit_width(proto.data_type());
  PTQ_CHECK(bits.has_value());
  return raw_byte_size(*bits, element_count(shape_of(proto)));
}

}  // namespace

std::optional<int> onnx_bit_width(int32_t data_type) {
  switch (data_type) {
    case onnx::TensorProto::STRING:
      return 0;
    case onnx::TensorProto::FLOAT8E4M3FN:
    case onnx::TensorProto::FLOAT8E4M3FNUZ:
    case onnx::TensorProto::FLOAT8E5M2:
    case onnx::TensorProto::FLOAT8E5M2FNUZ:
    case onnx::TensorProto::FLOAT8E8M0:
      return 8;
    case onnx::TensorProto::FLOAT4E2M1:
      return 4;
    case onnx::TensorProto::UINT2:
    case onnx::TensorProto::INT2:
      return 2;
    default:
      break;
  }
  const int bits = bit_width(static_cast<DType>(data_type));
  return bits == 0 ? std::nullopt : std::optional<int>(bits);
}

size_t raw_byte_size(int bits, int64_t count) {
  if (bits != 0 && count > (std::numeric_limits<int64_t>::max() - 7) / bits) {
    throw Error(ErrorCode::kInput, fmt::format("the size of {} elements overflows", count));
  }
  return static_cast<size_t>((count * bits + 7) / 8);
}

Tensor take_tensor(onnx::TensorProto& proto, ExternalData& external) {
  const auto dtype = static_cast<DType>(proto.data_type());
  Shape shape = shape_of(proto);
  if (is_opaque(dtype)) {
    embed_external_data(proto, external);
    return Tensor::view(dtype, std::move(shape), nullptr, nullptr, 0);
  }
  Tensor tensor;
  if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
    const size_t size_bytes = needed_bytes(proto);
    const ExternalBytes bytes = external.map(parse_external_reference(proto), size_bytes);
    tensor = view_or_copy(dtype, std::move(shape), bytes.owner, bytes.data, size_bytes);
  } else if (!proto.raw_data().empty()) {
    const std::shared_ptr<const std::string> raw(proto.release_raw_data());
    tensor = view_or_copy(dtype, std::move(shape), raw,
                          reinterpret_cast<const std::byte*>(raw->data()), raw->size());
  } else {
    tensor = take_typed(dtype, std::move(shape), proto);
  }
  clear_payload(proto);
  proto.clear_dims();
  proto.clear_data_type();
  return tensor;
}

void put_tensor(const Tensor& tensor, onnx::TensorProto& proto, bool with_data) {
  PTQ_CHECK(!is_opaque(tensor.dtype()));
  clear_payload(proto);
  proto.set_data_type(static_cast<int32_t>(tensor.dtype()));
  proto.clear_dims();
  for (const int64_t dim : tensor.shape()) {
    proto.add_dims(dim);
  }
  if (with_data) {
    const std::span<const std::byte> bytes = tensor.bytes();
    proto.set_raw_data(bytes.empty() ? "" : static_cast<const void*>(bytes.data()), bytes.size());
  }
}

void embed_external_data(google::protobuf::Message& message, ExternalData& external) {
  walk_tensors(message, [&](onnx::TensorProto& proto, const MessagePath&) {
    if (proto.data_location() != onnx::TensorProto::EXTERNAL) {
      return;
    }
    const size_t size_bytes = needed_bytes(proto);
    const ExternalBytes bytes = external.map(parse_external_reference(proto), size_bytes);
    clear_payload(proto);
    proto.set_raw_data(size_bytes == 0 ? "" : static_cast<const void*>(bytes.data), size_bytes);
  });
}

}  // namespace ptq
