#pragma once
// The outcome of one node, and why a node with a rule runs in integers or stays in float, in words.
// Pure; any thread.

#include <string>

#include "plan/structure.h"

namespace ptq {

std::string integer_reason(const NodeStructure& entry, const Target& target);
std::string float_reason(const NodeStructure& entry, const Target& target);

// The outcome of the node at `position`, as a report shows it.
Decision decide(const Node& node, size_t position, const NodeStructure& entry);

}  // namespace ptq
