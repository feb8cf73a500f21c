#pragma once
// Gates that are a straight line between 0 and 1, max(0, min(1, alpha · x + beta)): HardSigmoid,
// and the factor of x inside HardSwish. On codes such a line is another reading of the same codes
// (transform/expand_gate.h). Pure; any thread.

#include <optional>

#include "ptq/graph.h"

namespace ptq {

struct LinearGate {
  float alpha = 0.0F;  // > 0
  float beta = 0.0F;   // between 0 and 1, so that the gate is still moving at x = 0

  float zero_below() const { return beta / alpha; }  // the gate is 0 for x up to minus this
  float one_above() const { return (1.0F - beta) / alpha; }
};

// The gate of a HardSigmoid or HardSwish; nothing for other operators and other slopes.
std::optional<LinearGate> linear_gate(const Node& node);

}  // namespace ptq
