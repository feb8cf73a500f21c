#pragma once
// The passes that a float model goes through before calibration: they change its form, not its
// outputs (float32, up to rounding), so that each weight is a constant at its operator and each
// operator one that can be quantized. Called by the pipeline and by verbs. One thread.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/graph.h"

namespace ptq {

struct Pass {
  std::string_view name;
  std::string_view summary;
  // Edits the model, notes what it had to leave, returns the number of edits.
  int64_t (*run)(Model& model, std::vector<std::string>& notes);
  // Neighbours of one round are run in turn until none of them finds anything more.
  int round = 0;
};

// What a pass did, over all its runs; notes of the last one.
struct PassResult {
  std::string pass;
  int64_t changes = 0;
  std::vector<std::string> notes;
};

// All passes, in the order in which `prepare` runs them.
std::span<const Pass> prepare_passes();

// Runs all passes on the model, which keeps the names of its inputs and outputs. Inputs that are
// really constants (IR version 3 lists them all) are inputs no longer.
std::vector<PassResult> prepare(Model& model);

}  // namespace ptq
