#pragma once
// TensorProto <-> Tensor. Element types that ptq does not compute with (strings, 8-bit floats, …)
// are opaque: the Tensor has type and shape but no bytes, and the message itself is kept. One
// thread.

#include <cstdint>
#include <filesystem>
#include <optional>

#include "onnx_io/external_data.h"
#include "onnx_io/onnx_fwd.h"
#include "ptq/tensor.h"

namespace ptq {

inline bool is_opaque(DType dtype) {
  return bit_width(dtype) == 0;
}

// Bits of one element of any ONNX type; 0 for strings; nothing for a number that is no type.
std::optional<int> onnx_bit_width(int32_t data_type);

// Bytes of raw data for `count` elements. Throws Error{kInput} on overflow.
size_t raw_byte_size(int bits, int64_t count);

// The tensor of a checked message, whose data, dims and data_type are taken out of it (large raw
// data is moved, external data mapped). An opaque message stays whole; external data comes into it.
Tensor take_tensor(onnx::TensorProto& proto, ExternalData& external);

// Sets data_type, dims and, unless `with_data` is false, raw_data. Not for opaque tensors.
void put_tensor(const Tensor& tensor, onnx::TensorProto& proto, bool with_data = true);

// External data of every tensor inside `message` moves into it.
void embed_external_data(google::protobuf::Message& message, ExternalData& external);

}  // namespace ptq
