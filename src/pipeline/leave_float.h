#pragma once
// The part of quantize_model that measures which products spoil the output and leaves them in
// float. Uses threads of its own.

#include <map>
#include <string>
#include <vector>

#include "plan/make_plan.h"
#include "ptq/pipeline.h"

namespace ptq {

// What was measured; `names` are first outputs of nodes, as --keep-float takes them.
struct LeftInFloat {
  std::vector<std::string> names{};
  std::map<std::string, std::string> reasons{};  // by name
  std::string finding{};                         // one line for the report; empty: nothing to say
};

// `full` is the plan with every product in integers. Without samples in the request nothing is
// measured, and the finding says so.
LeftInFloat leave_float(const Model& model, const std::map<std::string, ChosenRange>& ranges,
                        const QuantPlan& full, const QuantizeRequest& request);

}  // namespace ptq
