#include "plan/make_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "plan/activation_params.h"
#include "plan/decision_reason.h"
#include "plan/linear_gate.h"
#include "plan/reduction_order.h"
#include "plan/saturation_fit.h"
#include "plan/weight_choice.h"
#include "ptq/error.h"

namespace ptq {
namespace {

class Planner {
 public:
  Planner(const Graph& graph, const Structure& structure,
          const std::map<std::string, ChosenRange>& ranges, const Target& target,
          const WeightCoding& coding, const GraphIndex* outer)
      : graph_(graph),
        index_(graph, outer),
        structure_(structure),
        ranges_(ranges),
        coding_(coding) {
    plan_.target = &target;
    plan_.granularity = coding.granularity;
  }

  QuantPlan run() {
    require_ranges();
    plan_own_ranges();
    share_concat_inputs();
    copy_shared();
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      plan_constants(i);
      plan_.decisions.push_back(decide(graph_.nodes[i], i, structure_.nodes[i]));
    }
    return std::move(plan_);
  }

 private:
  void require_ranges() const {
    std::string missing;
    size_t count = 0;
    for (const std::string& name : values_to_observe(structure_)) {
      if (!ranges_.contains(name)) {
        ++count;
        missing += count <= 5 ? (count > 1 ? ", " : "") + printable(name) : std::string();
      }
    }
    if (count > 0) {
      throw Error(
          ErrorCode::kInput,
          fmt::format("the statistics lack {} tensor(s) that this plan needs ({}{}); calibrate "
                      "again with this version and target",
                      count, missing, count > 5 ? ", ..." : ""));
    }
  }

  void plan_own_ranges() {
    for (const CodedValue& value : structure_.values) {
      PlannedActivation planned{.value = value.value, .all_uses = value.all_uses};
      if (value.shares.empty()) {
        const ChosenRange& chosen = ranges_.at(value.value);
        planned.params = own_params(value.value, chosen.range);
        fit_to_saturation(saturation_of(value.value), plan_.target->activation, planned.params);
        planned.estimator = chosen.estimator;
        planned.reason = chosen.reason;
      } else {
        planned.shared_with = value.shares;
      }
      position_[value.value] = plan_.activations.size();
      plan_.activations.push_back(std::move(planned));
    }
  }

  QuantParams own_params(std::string_view value, const Range& measured) const {
    const QuantScheme& scheme = plan_.target->activation;
    const Node* producer = index_.producer(value);
    const Range range = producer == nullptr ? measured : fixed_range(producer->op_type, measured);
    const float bound = gate_bound(value);
    return bound > 0.0F ? gate_params(range, bound, scheme)
                        : activation_params(range, *plan_.target);
  }

  // Where the first linear gate that reads the codes of `value`, directly or moved, ends at 0; 0
  // when there is none.
  float gate_bound(std::string_view value) const {
    if (plan_.target->engine != Engine::kOnnxRuntime) {
      return 0.0F;
    }
    for (const GraphIndex::Use& use : index_.uses(value)) {
      const NodeStructure& entry = structure_.nodes[use.node];
      if (use.slot != 0 || !entry.integer) {
        continue;
      }
      if (const std::optional<LinearGate> gate = linear_gate(graph_.nodes[use.node])) {
        return gate->zero_below();
      }
      if (entry.rule->op_class == OpClass::kPassThrough) {
        for (const std::string& output : graph_.nodes[use.node].outputs) {
          if (const float bound = gate_bound(output); bound > 0.0F) {
            return bound;
          }
        }
      }
    }
    return 0.0F;
  }

  // Bounds of the Relu / Clip that the codes of `value` absorb, or of the gate that they cut;
  // unbounded when there is none.
  SaturationBounds saturation_of(std::string_view value) const {
    const size_t position = index_.producer_position(value);
    if (position == GraphIndex::npos || !structure_.nodes[position].integer) {
      return {};
    }
    const Node& producer = graph_.nodes[position];
    if (plan_.target->engine == Engine::kOnnxRuntime && producer.is("HardSigmoid")) {
      return {.lo = 0.0F, .hi = 1.0F};
    }
    return structure_.nodes[position].absorbed ? saturation_bounds(producer, index_)
                                               : SaturationBounds{};
  }

  // Inputs of a Concat that have its parameters are copied as they are. A value that only the
  // Concat reads takes them, since it would be rounded to them anyway; one with other readers too
  // when that costs those less than 0.1 dB. A linear gate has asked for parameters of its own.
  void share_concat_inputs() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      if (node.op_type != "Concat" || !structure_.nodes[i].integer) {
        continue;
      }
      const auto output = position_.find(structure_.nodes[i].result);
      PTQ_CHECK(output != position_.end());
      const QuantParams& params = plan_.activations[output->second].params;
      for (const std::string& input : node.inputs) {
        const auto found = position_.find(input);
        if (found == position_.end()) {
          continue;
        }
        PlannedActivation& planned = plan_.activations[found->second];
        if (planned.shared_with.empty() && gate_bound(input) == 0.0F &&
            (index_.only_consumer(input) == &node || costs_little(planned.params, params)) &&
            fits_saturation(saturation_of(input), plan_.target->activation, params)) {
          planned.params = params;
          planned.shared_with = structure_.nodes[i].result;
        }
      }
    }
  }

  // The noise of rounding grows with the square of the step; nothing may be cut off.
  bool costs_little(const QuantParams& own, const QuantParams& shared) const {
    constexpr double kMaxLossDb = 0.1;
    const RealInterval mine = representable(own, plan_.target->activation);
    const RealInterval theirs = representable(shared, plan_.target->activation);
    const double step = own.scale[0];
    return theirs.lo <= mine.lo + step / 2 && theirs.hi >= mine.hi - step / 2 &&
           20.0 * std::log10(shared.scale[0] / step) <= kMaxLossDb;
  }

  // Structure lists producers before consumers, so one pass settles chains of pass-through nodes.
  void copy_shared() {
    for (PlannedActivation& planned : plan_.activations) {
      if (planned.params.scale.empty()) {
        const auto source = position_.find(planned.shared_with);
        PTQ_CHECK(source != position_.end());
        planned.params = plan_.activations[source->second].params;
        PTQ_CHECK(!planned.params.scale.empty());
      }
    }
  }

  void plan_constants(size_t i) {
    const Node& node = graph_.nodes[i];
    const NodeStructure& entry = structure_.nodes[i];
    if (entry.rule == nullptr) {
      return;
    }
    if (entry.kernel == Kernel::kWeightOnly) {
      plan_weight(i, false);
    } else if (entry.integer && entry.rule->op_class == OpClass::kCompute) {
      plan_weight(i, true);
    } else if (entry.integer && entry.rule->op_class == OpClass::kElementwise) {
      for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
        if (entry.rule->reads(slot) && index_.constant(node.inputs[slot]) != nullptr) {
          plan_.constants.push_back({.node = i,
                                     .slot = slot,
                                     .constant = node.inputs[slot],
                                     .scheme = plan_.target->activation});
        }
      }
    }
  }

  void plan_weight(size_t i, bool integer) {
    const Node& node = graph_.nodes[i];
    WeightSlot slot = weight_slot(node, index_, *plan_.target);
    if (coding_.granularity == WeightGranularity::kTensor) {
      slot.axis = -1;
    }
    if (node.op_type == "MatMul" && index_.constant(node.input(0)) != nullptr) {
      plan_.constants.push_back(
          {.node = i, .slot = 0, .constant = node.inputs[0], .scheme = plan_.target->activation});
    }
    const Constant* weight = index_.constant(node.input(slot.slot));
    if (weight == nullptr) {
      return;  // activation × activation
    }
    const ReductionOrder order = integer && adds_in_16_bits(node, weight->tensor.shape())
                                     ? reduction_order(node, weight->tensor.shape())
                                     : ReductionOrder{};
    WeightChoice choice = choose_weight(weight->tensor, slot.axis, order, coding_.form);
    PlannedConstant planned{.node = i,
                            .slot = slot.slot,
                            .constant = node.inputs[slot.slot],
                            .scheme = choice.scheme,
                            .axis = slot.axis,
                            .is_weight = true,
                            .pair_limited = choice.pair_limited,
                            .mean_ratio = integer ? mean_ratio(node.inputs[0]) : 0.0,
                            .reason = std::move(choice.reason)};
    if (integer && plan_.target->integer_bias && slot.bias_slot != 0 &&
        has_vector_bias(node, slot)) {
      planned.bias = node.inputs[slot.bias_slot];
      planned.activation = node.inputs[0];
    }
    plan_.constants.push_back(std::move(planned));
  }

  // μ² / σ² of an activation; pass-through operators hand its values on.
  double mean_ratio(std::string_view value) const {
    const auto planned = position_.find(value);
    const auto own = ranges_.find(std::string(value));
    if (own != ranges_.end()) {
      return own->second.mean_ratio;
    }
    const std::string source =
        planned == position_.end() ? std::string() : plan_.activations[planned->second].shared_with;
    return source.empty() ? 0.0 : mean_ratio(source);
  }

  // One bias an output channel; other shapes (a Gemm that adds a matrix) stay float.
  bool has_vector_bias(const Node& node, const WeightSlot& slot) const {
    const Constant* bias = index_.constant(node.input(slot.bias_slot));
    const Constant* weight = index_.constant(node.input(slot.slot));
    if (bias == nullptr || weight == nullptr) {
      return false;
    }
    if (slot.axis < 0) {
      return bias->tensor.rank() == 1;
    }
    const int64_t channels = weight->tensor.shape()[static_cast<size_t>(slot.axis)];
    return bias->tensor.size() == channels && !bias->tensor.shape().empty() &&
           bias->tensor.shape().back() == channels;
  }

  const Graph& graph_;
  GraphIndex index_;
  const Structure& structure_;
  const std::map<std::string, ChosenRange>& ranges_;
  WeightCoding coding_;
  std::map<std::string, size_t, std::less<>> position_;  // value → plan_.activations
  QuantPlan plan_;
};

}  // namespace

QuantPlan make_plan(const Graph& graph, const Structure& structure,
                    const std::map<std::string, ChosenRange>& ranges, const Target& target,
                    const WeightCoding& coding, const GraphIndex* outer) {
  return Planner(graph, structure, ranges, target, coding, outer).run();
}

}  // namespace ptq
