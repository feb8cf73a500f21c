#pragma once
// What is wrong with a quantized file, found by looking into it rather than at its outputs. One
// thread.

#include <optional>
#include <string>
#include <vector>

#include "ptq/graph.h"
#include "ptq/pipeline.h"
#include "ptq/validation.h"

namespace ptq {

// Weights of the file against those of FP32, without running anything.
std::vector<ValidationFinding> weight_findings(const LoadedModel& fp32, const Model& quantized);

// The activation whose codes cut off most, measured on the first samples with FP32: nothing when
// none does so much that it shows.
std::vector<ValidationFinding> saturation_findings(const LoadedModel& fp32, const Model& quantized,
                                                   const DataRequest& data);

}  // namespace ptq
