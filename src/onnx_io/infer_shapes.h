#pragma once
// Types and shapes of inner values, by ONNX's shape inference. Called once after reading and again
// by passes that need shapes of what they made. One thread a model.

#include "ptq/graph.h"

namespace ptq {

// Fills value_infos of the main graph and of those inside its nodes; changes nothing else. What
// inference does not find keeps its declaration. A failure of the library is a warning: the model
// then stays as it was.
void infer_shapes(Model& model);

}  // namespace ptq
