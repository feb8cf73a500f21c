#pragma once
// The rule from outlier ratio and predicted SQNR to one estimator, with its reason in words. Called
// by diagnose_tensor; pure, any thread.

#include <cstdint>
#include <map>
#include <string>

#include "ptq/diagnosis.h"

namespace ptq {

struct EstimatorChoice {
  std::string estimator;
  std::string reason;
};

// What the rule looks at. `candidates` has absmax, percentile, mse and the forced estimator.
struct ChoiceInput {
  double outlier_ratio = 1.0;
  uint64_t count = 0;     // finite values
  uint64_t non_zero = 0;  // of them
  const std::map<std::string, Range>& candidates;
};

EstimatorChoice choose_estimator(const ChoiceInput& input, const EstimatorPolicy& policy);

// Throws Error{kUsage} when the policy contradicts itself or names no estimator.
void check_policy(const EstimatorPolicy& policy);

}  // namespace ptq
