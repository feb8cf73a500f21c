#include "plan/linear_gate.h"

#include <cmath>

namespace ptq {

std::optional<LinearGate> linear_gate(const Node& node) {
  if (node.is("HardSwish")) {
    return LinearGate{.alpha = 1.0F / 6.0F, .beta = 0.5F};
  }
  if (!node.is("HardSigmoid")) {
    return std::nullopt;
  }
  const LinearGate gate{.alpha = node.float_attribute("alpha", 0.2F),
                        .beta = node.float_attribute("beta", 0.5F)};
  const bool rises = gate.alpha > 0.0F && std::isfinite(gate.alpha);
  const bool moves_at_zero = gate.beta > 0.0F && gate.beta < 1.0F;
  const bool bounded =
      rises && moves_at_zero && std::isnormal(gate.zero_below()) && std::isnormal(gate.one_above());
  return bounded ? std::optional(gate) : std::nullopt;
}

}  // namespace ptq
