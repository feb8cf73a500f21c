#pragma once
// Opset 21, the first with 4-bit types and with scales for blocks, for models of opset 13 to 20.
// Not a pass of `prepare`: only what writes such codes needs it. One thread.

#include "transform/passes.h"

namespace ptq {

// Raises the model, and its IR version to 10. Returns 0 with a note when it is below opset 13, or
// has a node whose meaning changed in between and that cannot be rewritten; nothing is changed
// then. 1 when the model is of opset 21 or newer afterwards.
int64_t raise_opset_21(Model& model, Notes& notes);

}  // namespace ptq
