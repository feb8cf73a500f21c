#pragma once
// Structure and ranges become parameters: the second half of planning. Pure; any thread.

#include <map>
#include <string>

#include "plan/structure.h"
#include "ptq/plan.h"
#include "ptq/weight_granularity.h"

namespace ptq {

// The range that was chosen for one value, with the reason in words.
struct ChosenRange {
  Range range;
  std::string estimator;
  std::string reason;
  double mean_ratio = 0.0;  // μ² / σ² of the value, for the rounding of weights that it meets
};

// How all weights are coded. A form alone means one scale a channel.
struct WeightCoding {
  // NOLINTNEXTLINE(google-explicit-constructor): a form is what most callers have
  WeightCoding(WeightForm all_form, WeightGranularity all_scales = WeightGranularity::kChannel)
      : form(all_form), granularity(all_scales) {}
  WeightForm form;
  WeightGranularity granularity;
};

// `ranges` must hold every name of values_to_observe(structure), else Error{kInput} lists the
// missing ones: a default range is never invented. `outer` is the index of the graph around an
// inner one.
QuantPlan make_plan(const Graph& graph, const Structure& structure,
                    const std::map<std::string, ChosenRange>& ranges, const Target& target,
                    const WeightCoding& coding, const GraphIndex* outer = nullptr);

}  // namespace ptq
