#pragma once
// From a plan and the graph that the runtime would execute to an outcome for every node. Called by
// quantize_model. Any thread.

#include <string>
#include <vector>

#include "ptq/graph.h"
#include "ptq/kernel_proof.h"
#include "ptq/plan.h"

namespace ptq {

// All graphs are main graphs: `prepared` is the one that `plan` was made for, `quantized` the one
// with its pairs, `optimized` what the runtime made of mark_nodes(quantized). `sized` has the nodes
// of `prepared` and shapes for counting multiply-accumulates.
RuntimeCheck prove_kernels(const Graph& prepared, const QuantPlan& plan, const Graph& quantized,
                           const Graph& optimized, const Graph& sized);

// Loads `quantized` as the target's runtime would and proves the plan on it.
RuntimeCheck check_runtime(const Graph& prepared, const QuantPlan& plan, const Model& quantized,
                           const Graph& sized);

// What is not as planned, one line a kind; empty when all is.
std::vector<std::string> kernel_findings(const RuntimeCheck& check);

}  // namespace ptq
