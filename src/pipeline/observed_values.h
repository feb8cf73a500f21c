#pragma once
// Which values of a model statistics are wanted of, and what they say: the part that diagnose and
// quantize have in common. Any thread.

#include <map>
#include <string>
#include <vector>

#include "plan/structure.h"
#include "plan/useful_interval.h"
#include "ptq/pipeline.h"

namespace ptq {

const Target& target_of(const QuantizeRequest& request);

// A selector that matches nothing is a typing error, not a wish: Error{kUsage}.
void check_keep_float(const Graph& main, const std::vector<std::string>& keep_float);

// The structure that the statistics allow. What calibration was asked for and never saw (a branch
// that no sample takes) leaves the nodes around it in float, and these may want other values, which
// were not asked for then.
std::vector<Structure> observed_structure(const Graph& graph, const ActivationStats& stats,
                                          const QuantizeRequest& request);

// The values that a plan observes, but for those that hand on the values of one that was measured.
std::vector<std::string> measured_values(const Graph& graph,
                                         const std::vector<Structure>& structures,
                                         const ActivationStats& stats);

// The statistics of `values` as far as they matter: cut where all readers saturate. Throws
// Error{kInput} listing those that are missing.
struct WantedStats {
  ActivationStats stats{};
  std::map<std::string, UsefulInterval> bounded{};  // of the values that were cut
};
WantedStats wanted_stats(const Graph& main, const std::vector<std::string>& values,
                         const ActivationStats& stats, const QuantizeRequest& request);

// Hardest first.
std::vector<TensorDiagnosis> diagnose_values(const WantedStats& wanted,
                                             const QuantizeRequest& request);

}  // namespace ptq
