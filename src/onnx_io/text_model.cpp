#include "onnx_io/text_model.h"

#include <fmt/format.h>

#include <string>

#include "onnx/defs/parser.h"
#include "onnx_io/check.h"
#include "onnx_io/external_data.h"
#include "onnx_io/proto_to_graph.h"
#include "ptq/error.h"

namespace ptq {

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
  check_model(proto);
  ExternalData external;
  return take_model(proto, external);
}

}  // namespace ptq
