#pragma once
// What is odd about one layer, by the table of findings. Pure; any thread.

#include <vector>

#include "ptq/activation_stats.h"
#include "ptq/layer_diagnosis.h"

namespace ptq {

struct FindingContext {
  int bits = 8;
  double percentile = 99.999;  // that was asked for
  bool pair_limit = true;      // pair sums of weights are limited where they would saturate
};

// `stats`: of the layer's activation, or null. The codes are put into the row too.
std::vector<DiagnosisFinding> layer_findings(LayerDiagnosis& layer, const TensorStats* stats,
                                             const FindingContext& context);

}  // namespace ptq
