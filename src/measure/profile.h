#pragma once
// Times of single nodes, from the profile that the runtime writes. Any thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/benchmark.h"
#include "runtime/session.h"

namespace ptq {

struct NodeTime {
  std::string name{};  // of the optimized graph
  std::string op_type{};
  double ms = 0.0;  // of one run, without the nodes of graphs inside it
};

// `json` is the profile of a session that made `runs` runs, the first `skipped` of which do not
// count. The time of a node is the median of its executions times their number a run. In order of
// first execution. Throws Error{kRuntime} for what is no such profile.
std::vector<NodeTime> parse_profile(std::string_view json, size_t runs, size_t skipped);

// Runs the model of `open`, which makes a session with the options it is given, in a session with
// profiling. `run` makes run number i.
std::vector<NodeTime> profile_session(const std::function<Session(const SessionOptions&)>& open,
                                      const std::function<void(const Session&, size_t)>& run,
                                      SessionOptions options, size_t runs, size_t skipped);

// The operator that a fused or quantized one stands for: "Conv" for FusedConv, NhwcFusedConv and
// QLinearConv, "MatMul" for MatMulIntegerToFloat; its own name for the others.
std::string operator_kind(std::string_view op_type);

// One row a kind, the slowest (of both models together) first.
std::vector<KindTime> time_by_kind(const std::vector<NodeTime>& fp32,
                                   const std::vector<NodeTime>& quantized);

}  // namespace ptq
