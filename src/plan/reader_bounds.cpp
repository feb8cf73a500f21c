#include "plan/reader_bounds.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace ptq {
namespace {

// σ(−8) = 0.0003, and x · σ(x) is within 0.003 of 0 there: less than half a step of 1/256 of any
// output that reaches 1.5.
constexpr float kSigmoidEnd = 8.0F;

// Bounds of Sigmoid and HardSigmoid: clip(alpha · x + beta, 0, 1).
std::optional<SaturationBounds> gate_bounds(const Node& node) {
  if (node.is("Sigmoid")) {
    return SaturationBounds{.lo = -kSigmoidEnd, .hi = kSigmoidEnd};
  }
  if (node.is("HardSigmoid")) {
    const float alpha = node.float_attribute("alpha", 0.2F);
    const float beta = node.float_attribute("beta", 0.5F);
    if (alpha > 0.0F && beta > 0.0F && beta < 1.0F) {
      return SaturationBounds{.lo = -beta / alpha, .hi = (1.0F - beta) / alpha};
    }
  }
  return std::nullopt;
}

// x · gate(x): nothing is left below the gate's lower end, above the upper one it is x itself.
std::optional<SaturationBounds> gated_bounds(const Node& node, size_t slot,
                                             const GraphIndex& index) {
  if (!node.is("Mul") || node.inputs.size() != 2) {
    return std::nullopt;
  }
  const Node* gate = index.producer(node.inputs[1 - slot]);
  if (gate == nullptr || gate->input(0) != node.inputs[slot]) {
    return std::nullopt;
  }
  std::optional<SaturationBounds> bounds = gate_bounds(*gate);
  if (bounds) {
    bounds->hi = std::numeric_limits<float>::infinity();
  }
  return bounds;
}

std::optional<SaturationBounds> bounds_of(const GraphIndex::Use& use, const GraphIndex& index) {
  if (use.slot == GraphIndex::kCaptured) {
    return std::nullopt;
  }
  const Node& node = index.graph().nodes[use.node];
  if (node.is("HardSwish")) {
    return SaturationBounds{.lo = -3.0F};
  }
  const std::optional<SaturationBounds> gate = gate_bounds(node);
  return gate ? gate : gated_bounds(node, use.slot, index);
}

}  // namespace

SaturationBounds reader_bounds(std::string_view value, const GraphIndex& index) {
  const std::vector<GraphIndex::Use>& uses = index.uses(value);
  if (uses.empty() || index.is_graph_output(value)) {
    return {};
  }
  SaturationBounds all{.lo = 0.0F, .hi = 0.0F};
  for (const GraphIndex::Use& use : uses) {
    const std::optional<SaturationBounds> bounds = bounds_of(use, index);
    if (!bounds) {
      return {};
    }
    all.lo = std::min(all.lo, bounds->lo);
    all.hi = std::max(all.hi, bounds->hi);
  }
  return all;
}

Range cut_range(const Range& range, const SaturationBounds& bounds) {
  Range cut = range;
  cut.lo = std::max(range.lo, bounds.lo);
  cut.hi = std::min(range.hi, bounds.hi);
  // A range wholly on one side of the bounds shrinks to the bound that it lies behind.
  cut.lo = std::min(cut.lo, bounds.hi);
  cut.hi = std::max(cut.hi, bounds.lo);
  return cut;
}

}  // namespace ptq
