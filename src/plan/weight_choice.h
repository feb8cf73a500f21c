#pragma once
// How one weight is coded under the form that was asked for. Pure; any thread.

#include <string>

#include "ptq/plan.h"
#include "ptq/tensor.h"
#include "quant/pair_limit.h"

namespace ptq {

struct WeightChoice {
  QuantScheme scheme{};
  bool pair_limited = false;
  std::string reason{};
};

// For every form but kInt8Safe the answer is that of the form. kInt8Safe: INT8 as it is where no
// pair of codes can saturate, pair-limited INT8 where that costs little, else UINT8, whose kernels
// are exact but slower on processors with VNNI. `order`: that of the kernel; empty when it adds no
// products in 16 bits.
WeightChoice choose_weight(const Tensor& weight, int64_t axis, const ReductionOrder& order,
                           WeightForm form);

}  // namespace ptq
