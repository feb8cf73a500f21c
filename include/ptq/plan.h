#pragma once
// What will be done to a model, value by value, with the reason: made by `plan`, carried out by
// `transform`, printed by reports. A plan belongs to one prepared graph: nodes are positions in it.
// Plain values; any thread.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/graph.h"
#include "ptq/quant_params.h"
#include "ptq/range.h"
#include "ptq/weight_granularity.h"

namespace ptq {

// How the weights of a target are coded. On x86 without VNNI the runtime adds two uint8 × int8
// products in 16 bits, which saturates. kInt8Safe chooses weight by weight: INT8 codes whose pair
// sums cannot saturate, or UINT8, whose kernels are exact, where that limit costs too much. The
// others are one form for all: INT8 as it is, INT8 of at most ±64, UINT8.
enum class WeightForm { kInt8Safe, kInt8, kInt8Reduced, kUint8 };

// The name typed by the user ("int8-safe", "int8", "int8-7bit", "uint8") and back; parse throws
// Error{kUsage}.
std::string_view weight_form_name(WeightForm form);
WeightForm parse_weight_form(std::string_view name);
// The symmetric scheme of the form; for kInt8Safe that of most weights.
QuantScheme weight_scheme(WeightForm form);

// Whose kernels execute the model: the column of the operator table (plan/op_rules.h).
enum class Engine { kOnnxRuntime, kOpenVino, kTensorRt, kQnn };
std::string_view engine_name(Engine engine);

struct Target {
  std::string_view name;
  std::string_view summary;
  Engine engine;
  QuantScheme activation;
  WeightForm weight_form;
  // INT32 biases with scale s_x · s_w; false: biases stay in float.
  bool integer_bias;
};
std::span<const Target> targets();
const Target& find_target(std::string_view name);  // Error{kUsage} listing the names

// One node's outcome.
struct Decision {
  size_t node = 0;
  std::string label{};  // node name, or its first output
  std::string op_type{};
  bool integer = false;      // planned to run in integers
  bool weight_only = false;  // runs in float, its weight is stored as codes
  std::string reason{};
};

// One activation that is written as codes: a QuantizeLinear / DequantizeLinear pair behind it.
struct PlannedActivation {
  std::string value{};
  QuantParams params{};
  // true: every use reads the dequantized value (the producer runs in integers and must end in the
  // pair); false: only the integer nodes do.
  bool all_uses = false;
  std::string shared_with{};  // the value whose parameters these are; empty = its own
  std::string estimator{};
  std::string reason{};
};

// One constant operand that is stored as codes for one node.
struct PlannedConstant {
  size_t node = 0;
  size_t slot = 0;
  std::string constant{};
  QuantScheme scheme{};
  int64_t axis = -1;          // channel axis, or −1
  bool is_weight = false;     // false: an operand of Add, Mul or Concat; asymmetric per tensor
  bool pair_limited = false;  // codes are chosen so that no pair sum saturates
  double mean_ratio = 0.0;    // μ² / σ² of the activation that a weight is multiplied with
  std::string reason{};       // why the weight is coded so
  std::string bias{};         // constant that becomes INT32 with scale s_x · s_w; empty = none
  std::string activation{};   // the value whose scale is s_x
};

struct QuantPlan {
  const Target* target = nullptr;
  WeightGranularity granularity = WeightGranularity::kChannel;  // of the weights, at best
  std::vector<PlannedActivation> activations{};  // in order of production
  std::vector<PlannedConstant> constants{};
  std::vector<Decision> decisions{};  // one a node, in graph order
  std::vector<std::string> findings{};
  bool slower_than_fp32 = false;  // measured, beyond the quartiles; only when speed was asked for
  // Only in the plan of a whole model: those of the graphs inside If, Loop and Scan nodes, depth
  // first, a graph before those inside its own nodes.
  std::vector<QuantPlan> inner{};
};

// The decisions of all graphs, those of the main graph first.
std::vector<Decision> all_decisions(const QuantPlan& plan);

}  // namespace ptq
