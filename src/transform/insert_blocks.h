#pragma once
// Puts block-wise codes in the place of weights, as a BlockPlan says. The codes themselves come
// later, one weight at a time, so that a model may be larger than memory.
//
//   x ─ MatMul ─ y          x ─ MatMul ─ y           ids ─ Gather ─ y       ids ─ Gather ─ DQ ─ y
//        │          →             │                         │         →           ├─ Gather ┘
//        W              codes, s ─ DQ                       W                 codes, s
//
// Pure functions of their arguments; any thread.

#include <string>
#include <vector>

#include "graph/model_index.h"
#include "plan/plan_blocks.h"
#include "ptq/graph.h"
#include "ptq/weight_only.h"
#include "quant/block_quantizer.h"

namespace ptq {

// Names of the initializers of one planned weight; `zero_point` may be "".
struct BlockNames {
  std::string codes{};
  std::string scale{};
  std::string zero_point{};
};

struct InsertedBlocks {
  Model model{};
  std::vector<BlockNames> names{};  // one a planned weight
};

// `model` is the one that `plan` was made for; for kQdq its opset is 21 or newer. The result's
// initializers for codes have type and shape, but no bytes (is_promised).
InsertedBlocks insert_blocks(const Model& model, const BlockPlan& plan, WeightFormat format);

// What these initializers hold.
struct BlockTensors {
  Tensor codes{};
  Tensor scale{};
  Tensor zero_point{};  // without elements where there is none
};
// `blocks` of the weight as it is stored; `source` is its type. `with_data` false: types and shapes
// alone, promised.
BlockTensors block_tensors(const BlockCodes& blocks, const PlannedBlocks& planned, DType source,
                           WeightFormat format, bool with_data = true);

// The tensor has elements whose bytes are not there yet.
bool is_promised(const Tensor& tensor);

}  // namespace ptq
