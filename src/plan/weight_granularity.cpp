#include "ptq/weight_granularity.h"

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {

std::string_view weight_granularity_name(WeightGranularity granularity) {
  return granularity == WeightGranularity::kChannel ? "channel" : "tensor";
}

WeightGranularity parse_weight_granularity(std::string_view name) {
  for (const WeightGranularity granularity :
       {WeightGranularity::kChannel, WeightGranularity::kTensor}) {
    if (weight_granularity_name(granularity) == name) {
      return granularity;
    }
  }
  throw Error(ErrorCode::kUsage,
              fmt::format("expected one scale a channel or a tensor, found {}", printable(name)));
}

}  // namespace ptq
