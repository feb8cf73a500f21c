#include "plan/useful_interval.h"

#include <algorithm>
#include <optional>

#include "plan/linear_gate.h"

namespace ptq {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kSigmoidBound = 8.0F;

std::optional<float> scalar(const GraphIndex& index, std::string_view value) {
  const Constant* constant = index.fixed_constant(value);
  if (constant == nullptr || constant->tensor.size() != 1) {
    return std::nullopt;
  }
  return to_floats(constant->tensor)[0];
}

UsefulInterval clip_interval(const Node& clip, const GraphIndex& index) {
  UsefulInterval out;
  if (clip.is("Relu")) {
    out.lo = 0.0F;
    return out;
  }
  out.lo = clip.input(1).empty() ? out.lo : scalar(index, clip.input(1)).value_or(out.lo);
  out.hi = clip.input(2).empty() ? out.hi : scalar(index, clip.input(2)).value_or(out.hi);
  return out;
}

// Where a function of one value stops to change, for nodes that read it as their first operand.
UsefulInterval flat_outside(const Node& node, const GraphIndex& index) {
  if (const std::optional<LinearGate> gate = linear_gate(node)) {
    return {-gate->zero_below(), node.is("HardSwish") ? kInfinity : gate->one_above()};
  }
  if (node.is("Sigmoid")) {
    return {-kSigmoidBound, kSigmoidBound};
  }
  if (node.is("Clip") || node.is("Relu")) {
    return clip_interval(node, index);
  }
  return {};
}

// Where `gate` is 0, or nearly so, for all of `value` below: −infinity when it is no gate of it.
float gate_zero_below(const GraphIndex& index, std::string_view gate, std::string_view value) {
  const Node* producer = index.producer(gate);
  const bool of_value = producer != nullptr &&
                        (producer->is("HardSigmoid") || producer->is("Sigmoid")) &&
                        producer->input(0) == value;
  return of_value ? flat_outside(*producer, index).lo : -kInfinity;
}

UsefulInterval interval_of_use(const GraphIndex& index, const Node& node, size_t slot,
                               std::string_view value) {
  if (node.is("Mul")) {
    return {gate_zero_below(index, node.input(slot == 0 ? 1 : 0), value), kInfinity};
  }
  return slot == 0 ? flat_outside(node, index) : UsefulInterval{};
}

}  // namespace

UsefulInterval useful_interval(const GraphIndex& index, std::string_view value) {
  const std::vector<GraphIndex::Use>& uses = index.uses(value);
  if (uses.empty() || index.is_graph_output(value)) {
    return {};
  }
  UsefulInterval hull{kInfinity, -kInfinity};
  for (const GraphIndex::Use& use : uses) {
    const UsefulInterval one =
        use.slot == GraphIndex::kCaptured
            ? UsefulInterval{}
            : interval_of_use(index, index.graph().nodes[use.node], use.slot, value);
    hull.lo = std::min(hull.lo, one.lo);
    hull.hi = std::max(hull.hi, one.hi);
  }
  return hull.lo <= 0.0F && hull.hi >= 0.0F ? hull : UsefulInterval{};
}

}  // namespace ptq
