#pragma once
// Parameters of one activation from its range, with what a target asks beyond its types of codes.
// Pure functions; any thread.

#include "ptq/plan.h"
#include "ptq/range.h"

namespace ptq {

// OpenVINO takes a pair of scale 1 and zero point 0 (pixels from 0 to 255) for a mere rounding,
// drops its DequantizeLinear, and then runs the Conv behind it in float: such a scale is raised by
// one unit in the last place.
QuantParams activation_params(const Range& range, const Target& target);

}  // namespace ptq
