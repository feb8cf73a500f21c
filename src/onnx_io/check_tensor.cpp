#include <limits>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "onnx/onnx_pb.h"
#include "onnx_io/check.h"
#include "onnx_io/external_data.h"
#include "onnx_io/tensor_proto.h"
#include "ptq/error.h"
#include "ptq/tensor.h"

namespace ptq {
namespace {

[[noreturn]] void refuse(std::string_view place, const std::string& message) {
  throw Error(ErrorCode::kInput,
              fmt::format("{}: {}; the model is damaged, export it again", place, message));
}

// Typed field that holds the values of a type (onnx.proto, comments of TensorProto).
enum class Store { kFloat, kInt32, kInt64, kUint64, kDouble, kString };

Store store_of(int32_t data_type) {
  switch (data_type) {
    case onnx::TensorProto::FLOAT:
    case onnx::TensorProto::COMPLEX64:
      return Store::kFloat;
    case onnx::TensorProto::DOUBLE:
    case onnx::TensorProto::COMPLEX128:
      return Store::kDouble;
    case onnx::TensorProto::INT64:
      return Store::kInt64;
    case onnx::TensorProto::UINT32:
    case onnx::TensorProto::UINT64:
      return Store::kUint64;
    case onnx::TensorProto::STRING:
      return Store::kString;
    default:
      return Store::kInt32;
  }
}

int64_t entries_in(const onnx::TensorProto& tensor, Store store) {
  switch (store) {
    case Store::kFloat:
      return tensor.float_data_size();
    case Store::kInt32:
      return tensor.int32_data_size();
    case Store::kInt64:
      return tensor.int64_data_size();
    case Store::kUint64:
      return tensor.uint64_data_size();
    case Store::kDouble:
      return tensor.double_data_size();
    case Store::kString:
      return tensor.string_data_size();
  }
  return 0;
}

// Entries that `count` elements take in the typed field.
int64_t needed_entries(int32_t data_type, int bits, int64_t count) {
  if (data_type == onnx::TensorProto::COMPLEX64 || data_type == onnx::TensorProto::COMPLEX128) {
    return 2 * count;
  }
  const bool is_packed = bits > 0 && bits < 8;
  return is_packed ? static_cast<int64_t>(raw_byte_size(bits, count)) : count;
}

// Values wider than the type would lose bits.
void check_int32_entries(const onnx::TensorProto& tensor, int bits, std::string_view place) {
  if (bits >= 32) {
    return;
  }
  const int width = bits < 8 ? 8 : bits;
  // Signed types may be stored by their bit pattern and bit patterns by a signed value.
  const int32_t low = -(1 << (width - 1));
  const int32_t high = (1 << width) - 1;
  for (const int32_t value : tensor.int32_data()) {
    if (value < low || value > high) {
      refuse(place, fmt::format("value {} does not fit in {} bits", value, width));
    }
  }
}

void check_payload(const onnx::TensorProto& tensor, int bits, int64_t count,
                   std::string_view place) {
  const int32_t type = tensor.data_type();
  const Store store = store_of(type);
  int filled = tensor.raw_data().empty() ? 0 : 1;
  for (const Store other : {Store::kFloat, Store::kInt32, Store::kInt64, Store::kUint64,
                            Store::kDouble, Store::kString}) {
    filled += entries_in(tensor, other) > 0 ? 1 : 0;
  }
  const bool is_external = tensor.data_location() == onnx::TensorProto::EXTERNAL;
  if (filled > 1 || (filled > 0 && is_external)) {
    refuse(place, "has its values twice, in more than one field");
  }
  if (is_external) {
    if (store == Store::kString) {
      refuse(place, "strings cannot lie in external data");
    }
    return;
  }
  if (!tensor.raw_data().empty()) {
    if (store == Store::kString) {
      refuse(place, "strings cannot lie in raw data");
    }
    const size_t needed = raw_byte_size(bits, count);
    if (tensor.raw_data().size() != needed) {
      refuse(place, fmt::format("type and shape need {} bytes, raw data has {}", needed,
                                tensor.raw_data().size()));
    }
    return;
  }
  const int64_t needed = needed_entries(type, bits, count);
  const int64_t found = entries_in(tensor, store);
  if (found != needed) {
    refuse(place, filled > 0 && found == 0
                      ? "its values lie in a field that does not belong to its type"
                      : fmt::format("type and shape need {} values, found {}", needed, found));
  }
  if (store == Store::kInt32) {
    check_int32_entries(tensor, bits, place);
  }
}

}  // namespace

void check_tensor(const onnx::TensorProto& tensor, std::string_view place) {
  const std::optional<int> bits = onnx_bit_width(tensor.data_type());
  if (!bits) {
    refuse(place, fmt::format("element type {} is not known", tensor.data_type()));
  }
  if (tensor.has_segment()) {
    throw Error(
        ErrorCode::kInput,
        fmt::format("{}: is stored in segments, which is not supported; save the model with "
                    "external data instead",
                    place));
  }
  int64_t count = 0;
  try {
    count = element_count(std::vector<int64_t>(tensor.dims().begin(), tensor.dims().end()));
    if (count > std::numeric_limits<int64_t>::max() / 128) {
      throw Error(ErrorCode::kInput,
                  fmt::format("{} elements are more than a machine holds", count));
    }
    if (tensor.data_location() == onnx::TensorProto::EXTERNAL) {
      parse_external_reference(tensor);
    }
  } catch (Error& error) {
    error.add_context(place);
    throw;
  }
  check_payload(tensor, *bits, count, place);
}

}  // namespace ptq
