#include "plan/activation_params.h"

#include <algorithm>
#include <cmath>

namespace ptq {

Range fixed_range(std::string_view producer, const Range& measured) {
  const bool unit = producer == "Sigmoid" || producer == "HardSigmoid" || producer == "Softmax";
  if (!unit || measured.hi < 0.5F) {
    return measured;
  }
  Range range = measured;
  range.lo = 0.0F;
  range.hi = 1.0F;
  return range;
}

QuantParams activation_params(const Range& range, const Target& target) {
  QuantParams params = params_for_range(range.lo, range.hi, target.activation);
  if (target.engine == Engine::kOpenVino && params.scale[0] == 1.0F && params.zero_point[0] == 0) {
    params.scale[0] = std::nextafter(1.0F, 2.0F);
  }
  return params;
}

QuantParams gate_params(const Range& range, float bound, const QuantScheme& scheme) {
  const float lo = std::min(range.lo, -bound);
  const float hi = std::max(range.hi, 0.0F);
  QuantParams params = params_for_range(lo, hi, scheme);
  const auto exact = static_cast<double>(bound);
  const double steps = std::floor(exact / static_cast<double>(params.scale[0]));
  if (steps >= 1.0) {
    params.scale[0] = static_cast<float>(exact / steps);
    const double zero_point =
        code_range(scheme).lo - std::nearbyint(static_cast<double>(lo) * steps / exact);
    params.zero_point[0] = static_cast<int32_t>(zero_point);
  }
  return params;
}

}  // namespace ptq
