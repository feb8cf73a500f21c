#pragma once
// From a Model in memory to a Session, and to what the runtime makes of it. Used by calibration (to
// observe), planning checks and validation (to see what runs in integers). Any thread.

#include <cstdint>

#include "ptq/graph.h"
#include "runtime/session.h"

namespace ptq {

// Its weights are too large to be copied without need.
bool is_large(const Model& model);

// Loads `model`. Large weights are not copied, where the runtime does not pack them: the session
// points to their tensors.
Session open_session(const Model& model, const SessionOptions& options);

// The graph that the runtime would execute under `options` (optimized_model_path is ignored): fused
// operators of its own domains, and at OptLevel::kAll layouts that hold for this processor only.
Model optimized_model(const Model& model, SessionOptions options);

// Lanes of a channel block in the runtime's blocked layout on this processor: 8 or 16; 0 when it
// does not use that layout. Asked once of the runtime itself.
int64_t nchwc_block_size();

}  // namespace ptq
