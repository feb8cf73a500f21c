#pragma once
// Which products should stay in float because integers would spoil the output: the decision on top
// of find_noisy_nodes. Pure apart from the callback; one thread.

#include <span>
#include <vector>

#include "search/noisy_nodes.h"

namespace ptq {

struct FloatChoice {
  std::vector<NoisyNode> nodes{};  // to be left in float, noisiest first
  double before_db = 0.0;          // with all of them in integers
  double after_db = 0.0;           // without those
};

// Leaves out each of `products` that alone brings an output below `limit_db`, if that raises the
// SQNR of the whole by at least 1 dB. Nothing is left out when the whole is good enough already.
FloatChoice choose_float_products(std::span<const size_t> products, double limit_db,
                                  const MeasureNodes& measure);

}  // namespace ptq
