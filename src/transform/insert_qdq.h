#pragma once
// Carries out a QuantPlan: QuantizeLinear / DequantizeLinear pairs behind activations, codes with a
// DequantizeLinear for constants, INT32 biases.
//
//   x ─ Conv ─ y          x ─ Q ─ DQ ─ Conv ─ y_raw ─ Q ─ DQ ─ y
//        │         →                    │
//        W                         W codes ─ DQ
//
// Pure function of its arguments; any thread.

#include "ptq/graph.h"
#include "ptq/plan.h"

namespace ptq {

struct WeightReport {
  size_t graph = 0;  // position in ModelIndex, 0 is the main graph
  size_t node = 0;   // of the prepared graph
  size_t slot = 0;
  std::string constant{};
  Tensor codes{};
  double sqnr_db = 0.0;  // of the codes against the float weight
};

struct InsertResult {
  Model model{};
  std::vector<WeightReport> weights{};
  size_t pairs = 0;  // QuantizeLinear / DequantizeLinear pairs on activations
};

// `model` is the prepared model that `plan` was made for; its opset is at least 10, and at least 13
// when the plan has per-axis parameters (Error{kInternal} otherwise).
InsertResult insert_qdq(const Model& model, const QuantPlan& plan);

}  // namespace ptq
