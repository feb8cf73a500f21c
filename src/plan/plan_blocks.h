#pragma once
// Which weights become block-wise codes, and how. Called by the pipeline. Pure; any thread.
//
// ONNX Runtime executes DequantizeLinear ─ MatMul as one operator when the weight is a constant of
// two axes and the blocks lie along the first; a Gemm likewise, with a bias of one axis. The rules
// here are those of its fusion, read back from graphs that it optimized (tests/transform).

#include <string>
#include <vector>

#include "graph/model_index.h"
#include "ptq/plan.h"
#include "ptq/weight_only.h"
#include "quant/block_quantizer.h"

namespace ptq {

enum class BlockUse { kProduct, kLookup };

struct PlannedBlocks {
  size_t graph = 0;  // position in ModelIndex
  size_t node = 0;
  size_t slot = 0;         // of the operand that is the weight
  std::string constant{};  // where its values are
  BlockUse use = BlockUse::kProduct;
  ReducedAxis reduced = ReducedAxis::kFirst;  // of the constant as it is stored
  BlockScheme scheme{};
  std::string reason{};
};

struct BlockPlan {
  std::vector<PlannedBlocks> weights{};  // in order of graphs, then of nodes
  std::vector<Decision> decisions{};     // of products and lookups
};

// Throws Error{kUsage} for a name in `keep_float` that no node has, and for a rule that matches no
// node with a weight.
BlockPlan plan_blocks(const ModelIndex& index, const WeightOnlyRequest& request);

}  // namespace ptq
