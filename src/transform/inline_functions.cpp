// Local functions are expanded where they are called, so that their nodes can be quantized.
//
//   x ─ my.Block ─ y          x ─ Conv ─ Relu ─ y

#include "onnx_io/inline_functions.h"

#include "transform/passes.h"

namespace ptq {

int64_t inline_functions(Model& model, Notes& notes) {
  if (!model.has_functions) {
    return 0;
  }
  if (const std::string reason = inline_local_functions(model); !reason.empty()) {
    notes.push_back(reason + "; their nodes stay in float");
    return 0;
  }
  return 1;
}

}  // namespace ptq
