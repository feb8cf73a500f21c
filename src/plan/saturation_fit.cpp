#include "plan/saturation_fit.h"

#include <algorithm>
#include <cmath>

namespace ptq {

SaturationBounds saturation_bounds(const Node& node, const GraphIndex& index) {
  SaturationBounds bounds;
  if (node.op_type == "Relu") {
    bounds.lo = 0.0F;
    return bounds;
  }
  const Constant* lo = index.fixed_constant(node.input(1));
  const Constant* hi = index.fixed_constant(node.input(2));
  if (lo != nullptr) {
    bounds.lo = to_floats(lo->tensor).at(0);
  }
  if (hi != nullptr) {
    bounds.hi = to_floats(hi->tensor).at(0);
  }
  return bounds;
}

bool fits_saturation(const SaturationBounds& bounds, const QuantScheme& scheme,
                     const QuantParams& params) {
  const CodeRange codes = code_range(scheme);
  return dequantize(codes.lo, params.scale[0], params.zero_point[0]) >= bounds.lo &&
         dequantize(codes.hi, params.scale[0], params.zero_point[0]) <= bounds.hi;
}

void fit_to_saturation(const SaturationBounds& bounds, const QuantScheme& scheme,
                       QuantParams& params) {
  const CodeRange codes = code_range(scheme);
  if (!scheme.symmetric && bounds.lo == 0.0F) {
    params.zero_point[0] = codes.lo;
  }
  if (!scheme.symmetric && bounds.hi == 0.0F) {
    params.zero_point[0] = codes.hi;
  }
  float& scale = params.scale[0];
  const int32_t below = params.zero_point[0] - codes.lo;
  const int32_t above = codes.hi - params.zero_point[0];
  if (below > 0 && bounds.lo < 0.0F) {
    scale = std::min(scale, -bounds.lo / static_cast<float>(below));
  }
  if (above > 0 && bounds.hi > 0.0F) {
    scale = std::min(scale, bounds.hi / static_cast<float>(above));
  }
  // The division may have rounded up by half a unit; one step down is then enough.
  for (int step = 0; step < 4 && !fits_saturation(bounds, scheme, params); ++step) {
    scale = std::nextafter(scale, 0.0F);
  }
}

}  // namespace ptq
