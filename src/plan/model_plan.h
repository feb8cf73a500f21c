#pragma once
// Structure and plan of a whole model: those of the main graph and of each graph inside If, Loop
// and Scan nodes, in the order of ModelIndex. A graph is planned by itself; what it takes from
// outside arrives in float, and what it hands out leaves in float. Names of values are unique in
// the model. Pure functions; any thread.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "plan/make_plan.h"
#include "plan/structure.h"
#include "ptq/plan.h"

namespace ptq {

std::vector<Structure> analyze_model(const Graph& main, const std::vector<std::string>& keep_float,
                                     const Target& target,
                                     const std::set<std::string>& unobserved = {});

// Values whose statistics a plan needs, each once.
std::vector<std::string> values_to_observe(const std::vector<Structure>& structures);

// The plan of the main graph with those of the others in `inner`. `ranges` as in make_plan.
QuantPlan make_model_plan(const Graph& main, const std::vector<Structure>& structures,
                          const std::map<std::string, ChosenRange>& ranges, const Target& target,
                          const WeightCoding& coding);

// The same with structures made for it: values without a range take that of what they are moved
// from (inherit_ranges.h); nodes that would need another one stay in float.
QuantPlan plan_known_ranges(const Graph& main, const std::vector<std::string>& keep_float,
                            std::map<std::string, ChosenRange> ranges, const Target& target,
                            const WeightCoding& coding);

// What can be said before anything is measured: the decision and reason of every node.
std::vector<Decision> planned_decisions(const Graph& main,
                                        const std::vector<Structure>& structures);

}  // namespace ptq
