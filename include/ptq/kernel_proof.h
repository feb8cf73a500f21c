#pragma once
// What ONNX Runtime makes of a quantized model, node by node, read back from the graph that it
// would execute: the proof that what was planned in integers runs in integers. Plain values; any
// thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ptq {

enum class KernelOutcome {
  kInteger,             // an integer kernel, or it moves codes
  kAbsorbed,            // nothing is left to do at run time, as was planned
  kFloatByPlan,         // the plan left it in float
  kIntegerAgainstPlan,  // the plan left it in float; the runtime quantized its weight by itself
  kFloatAgainstPlan,    // planned in integers, runs in float
  kNotFound,            // planned in integers, and no trace of it is in the optimized graph
};
// "integer", "absorbed", "float by plan", "integer against plan", "float against plan", "not
// found".
std::string_view outcome_name(KernelOutcome outcome);

struct KernelRow {
  size_t graph = 0;  // 0: the main graph; others are those inside If, Loop and Scan nodes
  size_t node = 0;   // of the prepared graph
  std::string label{};
  std::string op_type{};
  KernelOutcome outcome = KernelOutcome::kFloatByPlan;
  std::string kernel{};  // operator of the optimized graph that does its work; empty: not found
  std::string reason{};  // of the outcome; where it is against the plan, the rule that was broken
  std::optional<uint64_t>
      macs{};  // multiply-accumulates; empty: not known, as for what If, Loop and Scan run
};

struct RuntimeCheck {
  uint64_t integer_nodes = 0;  // products and neighbours with an integer kernel
  uint64_t float_nodes = 0;    // Conv, MatMul, Gemm, ConvTranspose, LSTM … that run in float
  uint64_t pairs_left = 0;     // QuantizeLinear and DequantizeLinear nodes that remain
  std::vector<std::string> float_products{};  // names of the float_nodes
  std::vector<KernelRow> rows{};              // one a node of the prepared model, main graph first
  uint64_t integer_macs = 0;                  // of nodes that run in integers
  uint64_t known_macs = 0;                    // of all nodes whose number is known
  uint64_t unknown_products = 0;              // nodes with products whose number is not known
  uint64_t unknown_integer_products = 0;      // those of them that run in integers

  // Rows planned in integers that got no integer kernel: kFloatAgainstPlan or kNotFound.
  uint64_t fallbacks() const;
  // Of the multiply-accumulates, in percent. Empty when there are none, and while some are unknown,
  // unless all products run in integers: then it is 100 whatever their numbers.
  std::optional<double> integer_mac_percent() const;
};

}  // namespace ptq
