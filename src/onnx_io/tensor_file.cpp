#include "onnx_io/tensor_file.h"

#include <limits>
#include <memory>
#include <span>

#include <fmt/format.h>

#include "onnx/onnx_pb.h"
#include "onnx_io/check.h"
#include "onnx_io/external_data.h"
#include "onnx_io/mapped_file.h"
#include "onnx_io/tensor_proto.h"
#include "ptq/error.h"

namespace ptq {
namespace {

std::pair<std::string, Tensor> read_bytes(std::span<const std::byte> bytes) {
  if (bytes.empty()) {
    throw Error(ErrorCode::kInput, "the file is empty; expected a TensorProto");
  }
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    throw Error(
        ErrorCode::kInput,
        fmt::format("{} bytes are more than the 2 GiB that a TensorProto holds", bytes.size()));
  }
  onnx::TensorProto proto;
  if (!proto.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      proto.data_type() == onnx::TensorProto::UNDEFINED) {
    throw Error(ErrorCode::kInput,
                "expected a TensorProto, found bytes that are none or end too early; write the "
                "file again");
  }
  check_tensor(proto, fmt::format("tensor '{}'", printable(proto.name())));
  std::string name = proto.name();
  ExternalData none;  // refuses every reference to another file
  Tensor tensor = take_tensor(proto, none);
  return {std::move(name), std::move(tensor)};
}

}  // namespace

std::pair<std::string, Tensor> read_tensor_file(const std::filesystem::path& path) {
  try {
    return read_bytes(MappedFile::open(path)->bytes());
  } catch (Error& error) {
    error.add_context(printable(path.string()));
    throw;
  }
}

}  // namespace ptq
