#pragma once
// Relu and Clip vanish into the saturation of the codes behind them, but only when the codes reach
// no further than the activation: the runtime checks that, and computes the node in float
// otherwise. Pure functions; any thread.

#include <limits>

#include "graph/index.h"
#include "ptq/quant_params.h"

namespace ptq {

struct SaturationBounds {
  float lo = -std::numeric_limits<float>::infinity();  // ≤ 0
  float hi = std::numeric_limits<float>::infinity();   // ≥ 0
};

// Relu: [0, ∞); Clip: its constant bounds.
SaturationBounds saturation_bounds(const Node& node, const GraphIndex& index);

// Whether scale · (lowest code − zero point) ≥ lo and scale · (highest code − zero point) ≤ hi, in
// float32 as the runtime computes it.
bool fits_saturation(const SaturationBounds& bounds, const QuantScheme& scheme,
                     const QuantParams& params);

// Shrinks the scale by as little as makes it fit. The zero point is set to the lowest code for a
// lower bound of 0 and stays otherwise.
void fit_to_saturation(const SaturationBounds& bounds, const QuantScheme& scheme,
                       QuantParams& params);

}  // namespace ptq
