#pragma once
// What single strata do to the ranges of tensors. Pure; any thread.

#include <vector>

#include "ptq/activation_stats.h"
#include "ptq/coverage.h"

namespace ptq {

// For each tensor the stratum that alone sets its range (more than 1.5 times the largest magnitude
// of every other) or never reaches it (less than half of every other's). Nothing with fewer than
// two strata.
std::vector<CoverageGap> strata_findings(const ActivationStats& stats);

}  // namespace ptq
