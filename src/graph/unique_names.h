#pragma once
// Names that mean one value in all graphs of a model. Called by the preparing passes, and on what
// the runtime saves. One thread.

#include <cstdint>

#include "ptq/graph.h"

namespace ptq {

// Values and nodes inside If, Loop and Scan bodies get names that no other graph of the model uses;
// those of the main graph stay, and so do those inside operators of other domains, which know them
// by name. Returns how many were changed.
int64_t make_names_unique(Graph& main);

}  // namespace ptq
