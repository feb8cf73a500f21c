#include "plan/activation_params.h"

#include <cmath>

namespace ptq {

QuantParams activation_params(const Range& range, const Target& target) {
  QuantParams params = params_for_range(range.lo, range.hi, target.activation);
  if (target.engine == Engine::kOpenVino && params.scale[0] == 1.0F && params.zero_point[0] == 0) {
    params.scale[0] = std::nextafter(1.0F, 2.0F);
  }
  return params;
}

}  // namespace ptq
