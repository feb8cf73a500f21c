#pragma once
// Why a node with a rule runs in integers or stays in float, in words. Pure; any thread.

#include <string>

#include "plan/structure.h"

namespace ptq {

std::string integer_reason(const NodeStructure& entry, const Target& target);
std::string float_reason(const NodeStructure& entry, const Target& target);

}  // namespace ptq
