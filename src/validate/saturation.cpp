#include "validate/saturation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "graph/index.h"
#include "plan/useful_interval.h"
#include "validate/constant_values.h"

namespace ptq {
namespace {

// The value of FP32 that the codes of `quantize` stand for: that of the result behind them, where
// the file kept its name, or what they are made of. A Relu or Clip that only FP32 has was absorbed
// by the codes.
std::string_view coded_name(const Node& quantize, const GraphIndex& fp32,
                            const GraphIndex& quantized) {
  for (const GraphIndex::Use& use : quantized.uses(quantize.outputs.at(0))) {
    const Node& reader = quantized.graph().nodes[use.node];
    if (reader.op_type == "DequantizeLinear" && fp32.producer(reader.outputs.at(0)) != nullptr) {
      return reader.outputs.at(0);
    }
  }
  std::string_view name = quantize.input(0);
  if (fp32.producer(name) == nullptr && !fp32.is_graph_input(name)) {
    return {};
  }
  const Node* next = fp32.only_consumer(name);
  while (next != nullptr && (next->is("Relu") || next->is("Clip")) &&
         quantized.producer(next->outputs.at(0)) == nullptr) {
    name = next->outputs.at(0);
    next = fp32.only_consumer(name);
  }
  return name;
}

}  // namespace

std::vector<CodedActivation> coded_activations(const Graph& prepared, const Graph& quantized) {
  const GraphIndex fp32(prepared);
  const GraphIndex file(quantized);
  std::vector<CodedActivation> values;
  std::set<std::string_view> seen;
  for (const Node& node : quantized.nodes) {
    if (node.op_type != "QuantizeLinear") {
      continue;
    }
    const auto interval = code_interval(file, node);
    const std::string_view name = coded_name(node, fp32, file);
    if (!interval || name.empty() || !seen.insert(name).second) {
      continue;
    }
    const UsefulInterval useful = useful_interval(fp32, name);
    values.push_back({.name = std::string(name),
                      .lo = interval->lo,
                      .hi = interval->hi,
                      .useful_lo = static_cast<double>(useful.lo),
                      .useful_hi = static_cast<double>(useful.hi)});
  }
  return values;
}

void SaturationCounter::add(const Tensor& fp32) {
  const std::vector<float> values = to_floats(fp32);
  const double half_step = (value_.hi - value_.lo) / 510.0;
  for (const float each : values) {
    if (!std::isfinite(each)) {
      continue;
    }
    const double x = std::clamp(static_cast<double>(each), value_.useful_lo, value_.useful_hi);
    const double error = x - std::clamp(x, value_.lo, value_.hi);
    min_ = count_ == 0 ? x : std::min(min_, x);
    max_ = count_ == 0 ? x : std::max(max_, x);
    ++count_;
    beyond_ += std::abs(error) > half_step ? 1U : 0U;
    signal_ += x * x;
    noise_ += error * error;
  }
}

SaturatedValue SaturationCounter::result() const {
  return {.value = value_,
          .min = min_,
          .max = max_,
          .share = count_ == 0 ? 0.0 : static_cast<double>(beyond_) / static_cast<double>(count_),
          .sqnr_db = noise_ == 0.0 ? std::numeric_limits<double>::infinity()
                                   : 10.0 * std::log10(signal_ / noise_)};
}

}  // namespace ptq
