#include "onnx_io/read.h"

#include <limits>
#include <vector>

#include <fmt/format.h>

#include "onnx/onnx_pb.h"
#include "onnx_io/check.h"
#include "onnx_io/external_data.h"
#include "onnx_io/mapped_file.h"
#include "onnx_io/proto_to_graph.h"
#include "ptq/error.h"

namespace ptq {
namespace {

Model read_bytes(std::string_view bytes, ExternalData external) {
  check_bytes(bytes);
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    throw Error(
        ErrorCode::kInput,
        fmt::format("{} bytes are more than the 2 GiB that an ONNX file holds; save the model "
                    "with external data",
                    bytes.size()));
  }
  onnx::ModelProto proto;
  // The parser's limit of 100 nested messages (33 inner graphs) stays: recursion is bounded by it.
  if (!proto.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw Error(ErrorCode::kInput,
                "the model is damaged inside, or its inner graphs are nested more than 32 deep");
  }
  check_model(proto);
  Model model = take_model(proto, external);
  external.warn_of_overlaps();
  return model;
}

}  // namespace

Model read_model(const std::filesystem::path& path) {
  try {
    const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
    const std::span<const std::byte> bytes = file->bytes();
    Model model = read_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                             ExternalData::beside(path));
    model.path = path;
    return model;
  } catch (Error& error) {
    error.add_context(printable(path.string()));
    throw;
  }
}

Model parse_model(std::string_view bytes, const std::filesystem::path& base_dir) {
  return read_bytes(bytes, base_dir.empty()
                               ? ExternalData()
                               : ExternalData(std::vector<std::filesystem::path>{base_dir}));
}

}  // namespace ptq
