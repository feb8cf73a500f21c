#pragma once
// The part of quantize_model that measures which products are faster in float on this processor.
// Not deterministic, so only on request. Uses threads inside operators.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ptq/pipeline.h"

namespace ptq {

struct FasterInFloat {
  std::vector<std::string> names{};              // first outputs of nodes
  std::map<std::string, std::string> reasons{};  // by name
  std::vector<std::string> findings{};           // lines for the report
  bool slower_than_fp32 = false;                 // even the best, beyond the quartiles
};

// The plan in which these (first outputs of nodes) stay in float too.
using Replan = std::function<QuantPlan(const std::vector<std::string>& names)>;

// `model` is prepared and `plan` is replan({}). The runs are fed with the request's samples.
FasterInFloat keep_faster(const Model& model, const QuantPlan& plan, const Replan& replan,
                          const QuantizeRequest& request);

}  // namespace ptq
