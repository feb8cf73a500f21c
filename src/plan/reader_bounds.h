#pragma once
// Where the readers of a value stop to tell its values apart: behind ±8 a Sigmoid has reached its
// end, below −3 HardSwish is 0. Codes for what lies outside are wasted, so a range is cut there; it
// costs half a step of 8-bit codes at most. Pure; any thread.

#include "graph/index.h"
#include "plan/saturation_fit.h"
#include "ptq/range.h"

namespace ptq {

// Bounds outside of which every reader of `value` answers as at the bound, infinite where one does
// not, where an inner graph reads it or where it leaves the graph.
SaturationBounds reader_bounds(std::string_view value, const GraphIndex& index);

// The part of `range` within the bounds; 0 stays inside.
Range cut_range(const Range& range, const SaturationBounds& bounds);

}  // namespace ptq
