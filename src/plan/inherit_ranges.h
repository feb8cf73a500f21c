#pragma once
// Ranges of values that nobody measured because another plan did not need them: an operator that
// only moves values (Reshape, Slice, MaxPool …) hands on those of its input. Pure; any thread.

#include <map>
#include <string>
#include <vector>

#include "graph/model_index.h"
#include "plan/make_plan.h"

namespace ptq {

// Adds to `ranges` each of `values` that has none but whose source, through operators that only
// move values, has one. What stays missing is reported by make_plan.
void inherit_ranges(const ModelIndex& index, const std::vector<std::string>& values,
                    std::map<std::string, ChosenRange>& ranges);

}  // namespace ptq
