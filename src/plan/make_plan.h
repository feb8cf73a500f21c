#pragma once
// Structure and ranges become parameters: the second half of planning. Pure; any thread.

#include <map>
#include <string>

#include "plan/structure.h"
#include "ptq/plan.h"

namespace ptq {

// The range that was chosen for one value, with the reason in words.
struct ChosenRange {
  Range range;
  std::string estimator;
  std::string reason;
  double mean_ratio = 0.0;  // μ² / σ² of the value, for the rounding of weights that it meets
};

// `ranges` must hold every name of values_to_observe(structure), else Error{kInput} lists the
// missing ones: a default range is never invented. `form` says how weights are coded, `outer` is
// the index of the graph around an inner one.
QuantPlan make_plan(const Graph& graph, const Structure& structure,
                    const std::map<std::string, ChosenRange>& ranges, const Target& target,
                    WeightForm form, const GraphIndex* outer = nullptr);

}  // namespace ptq
