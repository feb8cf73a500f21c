#pragma once
// The part of a value's range that makes a difference. Behind HardSwish, SiLU, HardSigmoid or Clip
// every value beyond some bound gives the same result, so codes spent on it are wasted, and
// saturating there is no error. Pure; any thread.

#include <limits>
#include <string_view>

#include "graph/index.h"

namespace ptq {

struct UsefulInterval {
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();

  bool bounded() const {
    return lo > -std::numeric_limits<float>::infinity() ||
           hi < std::numeric_limits<float>::infinity();
  }
};

// Hull over all uses of `value`; unbounded when it is a graph output or any use tells all values
// apart. Exact for HardSigmoid, HardSwish, Clip and their products; for Sigmoid and SiLU the bound
// is 8, beyond which they are within 0.0034 and 0.0027 of their limits.
UsefulInterval useful_interval(const GraphIndex& index, std::string_view value);

}  // namespace ptq
