#pragma once
// From the diagnosis of each value to a plan, for what quantizes and what measures parts of a
// model. Any thread.

#include <map>
#include <string>
#include <vector>

#include "plan/make_plan.h"
#include "ptq/pipeline.h"

namespace ptq {

std::map<std::string, ChosenRange> chosen_ranges(const std::vector<TensorDiagnosis>& diagnoses,
                                                 const ActivationStats& stats,
                                                 const QuantizeRequest& request);

// The plan in which `keep_float` stay in float, in place of those of the request.
QuantPlan plan_of_ranges(const Model& model, const QuantizeRequest& request,
                         const std::vector<std::string>& keep_float,
                         const std::map<std::string, ChosenRange>& ranges);

}  // namespace ptq
