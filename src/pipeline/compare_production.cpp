#include "ptq/pipeline.h"

namespace ptq {

std::vector<TensorCoverage> compare_production(const NamedStats& calibration,
                                               const NamedStats& production, const Target& target,
                                               const EstimatorPolicy& policy, int threads) {
  check_comparable(calibration, production);
  std::map<std::string, ChosenEstimate> ranges;
  const auto scheme_of = [&](const std::string& /*name*/) { return target.activation; };
  for (const TensorDiagnosis& diagnosis : diagnose(calibration.stats, scheme_of, policy, threads)) {
    if (production.stats.tensors.contains(diagnosis.name)) {
      ranges[diagnosis.name] = {diagnosis.estimator, diagnosis.range};
    }
  }
  return compare_stats(calibration.stats, production.stats, ranges);
}

}  // namespace ptq
