#pragma once
// ModelProto -> Model. One thread.

#include "onnx_io/external_data.h"
#include "onnx_io/onnx_fwd.h"
#include "ptq/graph.h"

namespace ptq {

// `proto` has passed check_model; its content is moved out of it.
Model take_model(onnx::ModelProto& proto, ExternalData& external);

// Declared type and shape; `verbatim` is the whole message.
ValueInfo read_value_info(const onnx::ValueInfoProto& proto);

}  // namespace ptq
