#pragma once
// Parameters of one activation from its range, with what its readers and the target ask beyond the
// types of codes. Pure functions; any thread.

#include <string_view>

#include "ptq/plan.h"
#include "ptq/range.h"

namespace ptq {

// Sigmoid, HardSigmoid and Softmax end at 0 and 1, which samples that calibration did not see may
// reach: their range is [0, 1] unless `measured` stays below a half, where that would cost more
// than one bit (scores of rare classes, attention over many positions).
Range fixed_range(std::string_view producer, const Range& measured);

// OpenVINO takes a pair of scale 1 and zero point 0 (pixels from 0 to 255) for a mere rounding,
// drops its DequantizeLinear, and then runs the Conv behind it in float: such a scale is raised by
// one unit in the last place.
QuantParams activation_params(const Range& range, const Target& target);

// Parameters for the input of a linear gate that is computed on codes (transform/expand_gate.h) and
// is 0 for values up to −bound: they reach down to −bound at least, and the bound is a whole number
// of steps, so that alpha · x + beta is the same code with another scale and zero point.
QuantParams gate_params(const Range& range, float bound, const QuantScheme& scheme);

}  // namespace ptq
