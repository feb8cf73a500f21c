#include "onnx_io/text_model.h"

#include <string>
#include <vector>

#include <fmt/format.h>

#include "onnx/defs/parser.h"
#include "onnx_io/check.h"
#include "onnx_io/external_data.h"
#include "onnx_io/proto_to_graph.h"
#include "onnx_io/proto_walk.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// The library's parser gives each 4-bit value an entry of its own, where the format packs two into
// one, the first in the low bits.
void pack_nibbles(onnx::TensorProto& tensor) {
  if (tensor.data_type() != onnx::TensorProto::INT4 &&
      tensor.data_type() != onnx::TensorProto::UINT4) {
    return;
  }
  const std::vector<int32_t> values(tensor.int32_data().begin(), tensor.int32_data().end());
  tensor.clear_int32_data();
  for (size_t k = 0; k < values.size(); k += 2) {
    const int32_t high = k + 1 < values.size() ? values[k + 1] & 0xF : 0;
    tensor.add_int32_data((values[k] & 0xF) | high << 4);
  }
}

}  // namespace

Model parse_text_model(std::string_view text) {
  onnx::ModelProto proto;
  std::string problem;
  try {
    onnx::OnnxParser parser(text);
    const onnx::Common::Status status = parser.Parse(proto);
    if (!status.IsOK()) {
      problem = status.ErrorMessage();
    } else if (!parser.EndOfInput()) {
      problem = "text follows the end of the model";
    }
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!problem.empty()) {
    throw Error(ErrorCode::kInput, "text model: " + printable(problem, 500));
  }
  walk_tensors(proto, [](onnx::TensorProto& tensor, const MessagePath&) { pack_nibbles(tensor); });
  check_model(proto);
  ExternalData external;
  return take_model(proto, external);
}

}  // namespace ptq
