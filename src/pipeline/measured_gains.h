#pragma once
// What noise on each observed value does to the outputs, measured on a few samples while that costs
// little. Used by diagnose_layers. One thread.

#include <string>
#include <vector>

#include "graph/index.h"
#include "ptq/pipeline.h"
#include "search/noise_probe.h"

namespace ptq {

struct MeasuredGains {
  ProbedGains gains{};   // in the order of the outputs of with_measured_outputs(model)
  size_t samples = 0;    // that they were measured on
  std::string reason{};  // why nothing was measured; empty when something was
};

// Each diagnosed value of the main graph is rounded to the codes that its range gives. `sized` has
// the shapes, from which the work is counted: at most 3 · 10^11 multiply-accumulates are spent.
MeasuredGains measure_gains(const Model& model, const GraphIndex& sized,
                            const std::vector<TensorDiagnosis>& diagnoses,
                            const QuantizeRequest& request);

}  // namespace ptq
