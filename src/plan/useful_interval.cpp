#include "plan/useful_interval.h"

#include <algorithm>
#include <optional>

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

// The other operand of a node with two, when one of them is `value`.
std::string_view other_operand(const Node& node, std::string_view value) {
  return node.input(0) == value ? node.input(1) : node.input(0);
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
  if (node.is("HardSigmoid")) {
    const float alpha = node.float_attribute("alpha", 0.2F);
    const float beta = node.float_attribute("beta", 0.5F);
    return alpha > 0.0F ? UsefulInterval{-beta / alpha, (1.0F - beta) / alpha} : UsefulInterval{};
  }
  if (node.is("HardSwish")) {
    return {-3.0F, kInfinity};
  }
  if (node.is("Sigmoid")) {
    return {-kSigmoidBound, kSigmoidBound};
  }
  if (node.is("Clip") || node.is("Relu")) {
    return clip_interval(node, index);
  }
  if (node.is("Add")) {  // x + c with a Clip or Relu behind it that alone reads the sum
    const std::string_view sum = node.outputs.at(0);
    const Node* next = index.only_consumer(sum);
    const std::optional<float> offset = [&]() -> std::optional<float> {
      const std::optional<float> second = scalar(index, node.input(1));
      return second ? second : scalar(index, node.input(0));
    }();
    if (next != nullptr && offset && (next->is("Clip") || next->is("Relu")) &&
        next->input(0) == sum) {
      const UsefulInterval clip = clip_interval(*next, index);
      return {clip.lo - *offset, clip.hi - *offset};
    }
  }
  return {};
}

// A gate is 0 for all of its argument below a bound: that bound when `gate` is one of `value`,
// possibly times a constant, else −infinity.
float gate_zero_below(const GraphIndex& index, std::string_view gate, std::string_view value) {
  const Node* producer = index.producer(gate);
  if (producer != nullptr && (producer->is("Mul") || producer->is("Div")) &&
      scalar(index, producer->input(1))) {
    producer = index.producer(producer->input(0));
  }
  if (producer == nullptr) {
    return -kInfinity;
  }
  if ((producer->is("HardSigmoid") || producer->is("Sigmoid")) && producer->input(0) == value) {
    return flat_outside(*producer, index).lo;
  }
  const bool clips =
      producer->is("Relu") || (producer->is("Clip") && clip_interval(*producer, index).lo == 0.0F);
  const Node* sum = clips ? index.producer(producer->input(0)) : nullptr;
  if (sum != nullptr && sum->is("Add")) {
    const std::optional<float> offset = scalar(index, other_operand(*sum, value));
    const bool of_value = sum->input(0) == value || sum->input(1) == value;
    return offset && of_value ? -*offset : -kInfinity;
  }
  return -kInfinity;
}

UsefulInterval interval_of_use(const GraphIndex& index, const Node& node, size_t slot,
                               std::string_view value) {
  if (node.is("Mul")) {
    return {gate_zero_below(index, node.input(slot == 0 ? 1 : 0), value), kInfinity};
  }
  return slot == 0 || node.is("Add") ? flat_outside(node, index) : UsefulInterval{};
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
