#include "plan/model_plan.h"

#include <unordered_set>
#include <utility>

#include "graph/model_index.h"
#include "plan/decision_reason.h"
#include "plan/inherit_ranges.h"
#include "ptq/error.h"

namespace ptq {

std::vector<Structure> analyze_model(const Graph& main, const std::vector<std::string>& keep_float,
                                     const Target& target,
                                     const std::set<std::string>& unobserved) {
  const ModelIndex index(main);
  std::vector<Structure> structures;
  for (size_t k = 0; k < index.size(); ++k) {
    structures.push_back(analyze_structure(
        index[k].graph(), keep_float, target,
        {.outer = index[k].outer(), .unobserved = &unobserved, .foreign = index.is_foreign(k)}));
  }
  return structures;
}

std::vector<std::string> values_to_observe(const std::vector<Structure>& structures) {
  std::vector<std::string> names;
  std::unordered_set<std::string> known;  // an inner graph may read a value of an outer one
  for (const Structure& structure : structures) {
    for (std::string& name : values_to_observe(structure)) {
      if (known.insert(name).second) {
        names.push_back(std::move(name));
      }
    }
  }
  return names;
}

QuantPlan make_model_plan(const Graph& main, const std::vector<Structure>& structures,
                          const std::map<std::string, ChosenRange>& ranges, const Target& target,
                          const WeightCoding& coding) {
  const ModelIndex index(main);
  PTQ_CHECK(structures.size() == index.size());
  QuantPlan plan = make_plan(main, structures[0], ranges, target, coding);
  for (size_t k = 1; k < index.size(); ++k) {
    plan.inner.push_back(
        make_plan(index[k].graph(), structures[k], ranges, target, coding, index[k].outer()));
  }
  return plan;
}

QuantPlan plan_known_ranges(const Graph& main, const std::vector<std::string>& keep_float,
                            std::map<std::string, ChosenRange> ranges, const Target& target,
                            const WeightCoding& coding) {
  const ModelIndex index(main);
  std::set<std::string> unobserved;
  for (;;) {
    const std::vector<Structure> structures = analyze_model(main, keep_float, target, unobserved);
    const std::vector<std::string> values = values_to_observe(structures);
    inherit_ranges(index, values, ranges);
    const size_t known = unobserved.size();
    for (const std::string& value : values) {
      if (!ranges.contains(value)) {
        unobserved.insert(value);
      }
    }
    if (unobserved.size() == known) {
      return make_model_plan(main, structures, ranges, target, coding);
    }
  }
}

std::vector<Decision> planned_decisions(const Graph& main,
                                        const std::vector<Structure>& structures) {
  const ModelIndex index(main);
  PTQ_CHECK(structures.size() == index.size());
  std::vector<Decision> decisions;
  for (size_t k = 0; k < index.size(); ++k) {
    const std::vector<Node>& nodes = index[k].graph().nodes;
    for (size_t i = 0; i < nodes.size(); ++i) {
      decisions.push_back(decide(nodes[i], i, structures[k].nodes[i]));
    }
  }
  return decisions;
}

std::vector<Decision> all_decisions(const QuantPlan& plan) {
  std::vector<Decision> decisions = plan.decisions;
  for (const QuantPlan& inner : plan.inner) {
    decisions.insert(decisions.end(), inner.decisions.begin(), inner.decisions.end());
  }
  return decisions;
}

}  // namespace ptq
