#pragma once
// Mean and power of every value of a graph: measured where statistics exist, else estimated from
// the operands. What the propagation of noise weighs with. Pure; any thread.

#include <map>
#include <string>

#include "diagnose/linear_map.h"
#include "graph/index.h"
#include "ptq/activation_stats.h"

namespace ptq {

// By the centres of the buckets; power 0 without values.
Moments moments_of(const TensorStats& stats);

// Of all values of the graph of `index` that are made by its nodes, of its inputs and of its
// constants. A value that is neither in the statistics nor in `measured` gets what its operator
// makes of uncorrelated operands; through operators that are not known, moments pass unchanged; an
// input without statistics has power 1.
std::map<std::string, Moments> signal_moments(const GraphIndex& index,
                                              const std::map<std::string, TensorStats>& stats,
                                              const std::map<std::string, Moments>& measured = {});

}  // namespace ptq
