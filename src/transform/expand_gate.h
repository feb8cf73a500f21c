#pragma once
// HardSigmoid and HardSwish on codes, of kernels that ONNX Runtime has. A gate alpha · x + beta,
// cut at 0 and 1, is another reading of the codes of x: the scale times alpha, and a zero point
// beta / alpha further down, which must be a whole number of steps.
//
//   x codes ─ DQ ─ HardSigmoid ─ Q          x codes ─ DQ' ─ LeakyRelu(0) ─ Q
//
//   x codes ─ DQ ─ HardSwish ─ Q            x codes ─ DQ ────────── Mul ─ Q
//                                              └───── Clip ─ DQ' ────┘
//
// LeakyRelu of slope 0 cuts at 0 and the codes behind it at 1. Behind a product it is the codes of
// x themselves that are cut: the runtime's Clip of bytes takes a quarter of the time of its
// LeakyRelu, which looks every code up, and the gate is not rounded again.
//
// One thread.

#include <set>
#include <string>

#include "graph/edit.h"
#include "ptq/graph.h"

namespace ptq {

// Rewrites the nodes of `graph` whose first output is among `results`, where parameters allow it.
// Others (3 is no whole number of steps of codes that x shares with another value, codes that end
// above −3) stay as they are, computed in float between their pairs. Returns how many it rewrote.
size_t expand_gates(Graph& graph, const std::set<std::string>& results, NameScope& names);

}  // namespace ptq
