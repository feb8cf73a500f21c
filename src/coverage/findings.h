#pragma once
// The codes of this room by name. The table is in findings.cpp and, for users, in docs/coverage.md.
// Any thread.

#include <string_view>

#include "ptq/coverage.h"

namespace ptq {

// The row of a code. Throws Error{kInternal} when there is none.
const CoverageFindingRow& coverage_finding(std::string_view code);

// 0 for "error", 1 for "warning", 2 for "info".
int severity_rank(std::string_view severity);

}  // namespace ptq
