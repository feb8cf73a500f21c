#pragma once
// The head of an npy array, format versions 1 to 3 as specified in numpy.lib.format: magic,
// version, length, and a Python dictionary literal with descr, fortran_order and shape. Read
// strictly and never evaluated. Free functions; any thread.

#include <cstdint>
#include <string_view>

#include "data/array_reader.h"
#include "data/byte_stream.h"
#include "ptq/dtype.h"

namespace ptq {

// Reads the head of an array that takes `stream_bytes` in all and leaves `stream` at the first
// element. `where` begins each message. Throws Error{kInput} for what is no array of fixed-size
// numbers, and when the bytes that shape and type ask for are not exactly those that follow.
ArrayHeader read_npy_header(ByteStream& stream, uint64_t stream_bytes, std::string_view where);

// Decodes the dictionary. payload_bytes is computed from type and shape.
ArrayHeader parse_npy_dictionary(std::string_view text, std::string_view where);

// Signed or unsigned, not bool.
bool is_integer_type(DType dtype);

// The word for the type in numpy: "float32", "bool_"; "" for a type that npy cannot hold.
std::string_view numpy_name(DType dtype);

}  // namespace ptq
