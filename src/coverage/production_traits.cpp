#include <algorithm>

#include "ptq/coverage.h"

namespace ptq {

ProductionTraits production_traits(const ActivationStats& calibration,
                                   const ActivationStats& production) {
  ProductionTraits traits;
  if (production.production) {
    traits.observed = true;
    traits.runs = production.production->runs;
    traits.counted = production.production->counted;
  }
  const std::vector<Digest>& hashes = production.sample_hashes;
  uint64_t occurrences = 0;
  for (size_t i = 0; i < hashes.size(); ++i) {
    const bool first = i == 0 || hashes[i] != hashes[i - 1];
    occurrences += production.production ? production.production->times[i] : 1;
    traits.different += first ? 1U : 0U;
    traits.in_calibration +=
        first && std::ranges::binary_search(calibration.sample_hashes, hashes[i]) ? 1U : 0U;
  }
  traits.repeated = occurrences - traits.different;
  traits.all_told_apart = occurrences == production.samples();
  for (const auto& [name, tensor] : calibration.tensors) {
    traits.unobserved += production.tensors.contains(name) ? 0U : 1U;
  }
  return traits;
}

}  // namespace ptq
