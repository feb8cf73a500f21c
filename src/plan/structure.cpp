#include "plan/structure.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "plan/decision_reason.h"
#include "plan/op_conditions.h"
#include "ptq/error.h"

namespace ptq {
namespace {

class Analysis {
 public:
  Analysis(const Graph& graph, const std::vector<std::string>& keep_float, const Target& target,
           const StructureContext& context)
      : graph_(graph),
        index_(graph, context.outer),
        target_(target),
        everywhere_(target.engine == Engine::kQnn),
        unobserved_(context.unobserved),
        foreign_(context.foreign),
        keep_float_(keep_float.begin(), keep_float.end()) {
    structure_.nodes.resize(graph.nodes.size());
  }

  Structure run() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      classify(i);
    }
    bool changed = !everywhere_;
    while (changed) {
      changed = spread_forward();
      changed = prune_backward() || changed;
    }
    explain();
    collect_values();
    return std::move(structure_);
  }

 private:
  NodeStructure& at(size_t i) { return structure_.nodes[i]; }

  bool is_kept_float(const Node& node) const {
    return keep_float_.contains(node.name) ||
           (!node.outputs.empty() && keep_float_.contains(node.outputs[0]));
  }

  // Rule and absorbed activation; compute nodes that pass their rule run in integers.
  void classify(size_t i) {
    const Node& node = graph_.nodes[i];
    NodeStructure& entry = at(i);
    entry.rule = find_op_rule(node);
    entry.result = node.outputs.empty() ? std::string() : node.outputs[0];
    if (entry.absorbed) {
      return;
    }
    if (entry.rule == nullptr || (entry.rule->kernel(target_.engine) == Kernel::kNone &&
                                  entry.rule->op_class != OpClass::kActivation)) {
      entry.rule = nullptr;
      entry.reason = has_graph(node)
                         ? "control flow; the nodes inside have decisions of their own"
                         : fmt::format("{} has no integer kernel for this operator that pays",
                                       engine_name(target_.engine));
      return;
    }
    if (foreign_) {
      entry.rule = nullptr;
      entry.reason = "inside an operator of another domain, which knows its inner values";
      return;
    }
    if (is_kept_float(node)) {
      entry.rule = nullptr;
      entry.reason = "kept in float as asked (--keep-float)";
      return;
    }
    if ((entry.rule->accepts != nullptr && !entry.rule->accepts(node, index_, entry.reason)) ||
        !pays(node, index_, target_.engine, entry.reason)) {
      entry.rule = nullptr;
      return;
    }
    entry.kernel = entry.rule->kernel(target_.engine);
    if (entry.kernel == Kernel::kNone || entry.kernel == Kernel::kWeightOnly) {
      return;
    }
    if (entry.kernel == Kernel::kResidual) {
      classify_residual(i);
    } else {
      entry.integer =
          entry.rule->op_class == OpClass::kCompute || (everywhere_ && has_float_data(node, entry));
      if (entry.integer || !everywhere_) {
        find_activation(i);
      }
    }
    if (const std::string value = unobserved_value(i); !value.empty()) {
      give_up(i, fmt::format("no sample computed {}, so its range is unknown", printable(value)));
    }
  }

  void give_up(size_t i, std::string reason) {
    NodeStructure& entry = at(i);
    if (entry.activation != GraphIndex::npos) {
      at(entry.activation).absorbed = false;
    }
    entry = {.result = graph_.nodes[i].outputs.at(0)};
    entry.reason = std::move(reason);
  }

  static bool has_graph(const Node& node) {
    return std::ranges::any_of(
        node.attributes, [](const Attribute& attribute) { return !attribute.graphs.empty(); });
  }

  // A value that the node would read or leave as codes and whose range nobody knows, or "".
  std::string unobserved_value(size_t i) const {
    if (unobserved_ == nullptr) {
      return {};
    }
    const Node& node = graph_.nodes[i];
    const NodeStructure& entry = structure_.nodes[i];
    for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
      if (entry.rule->reads(slot) && unobserved_->contains(node.inputs[slot])) {
        return node.inputs[slot];
      }
    }
    return unobserved_->contains(entry.result) ? entry.result : std::string();
  }

  // Float operands and result, known as such, and something to compute at run time.
  bool has_float_data(const Node& node, const NodeStructure& entry) const {
    bool any_activation = false;
    for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
      if (!entry.rule->reads(slot) || node.inputs[slot].empty()) {
        continue;
      }
      any_activation = any_activation || index_.constant(node.inputs[slot]) == nullptr;
      if (index_.dtype(node.inputs[slot]) != DType::kFloat) {
        return false;
      }
    }
    return any_activation;
  }

  // conv ─ Add ─         the sum is fused to the Conv before it, whose float result never reaches
  //  skip ─┘             memory, when the other operand arrives as codes
  void classify_residual(size_t i) {
    const Node& node = graph_.nodes[i];
    NodeStructure& entry = at(i);
    if (!has_float_data(node, entry) || index_.constant(node.input(0)) != nullptr ||
        index_.constant(node.input(1)) != nullptr || node.input(0) == node.input(1)) {
      return;
    }
    for (size_t slot = 0; slot < 2 && !entry.integer; ++slot) {
      const size_t producer = index_.producer_position(node.inputs[slot]);
      if (producer != GraphIndex::npos && at(producer).integer &&
          graph_.nodes[producer].op_type == "Conv" &&
          index_.only_consumer(node.inputs[slot]) == &node) {
        entry.integer = true;
        entry.fused_operand = slot;
      }
    }
  }

  // Relu or Clip that alone reads the node's result. A pass-through moves codes, so nothing may
  // saturate behind it with other parameters; symmetric codes reach below 0, so they absorb
  // nothing.
  void find_activation(size_t i) {
    const Node& node = graph_.nodes[i];
    if (at(i).rule->op_class == OpClass::kPassThrough ||
        at(i).rule->op_class == OpClass::kActivation || target_.activation.symmetric) {
      return;
    }
    const Node* next = index_.only_consumer(node.outputs[0]);
    if (next == nullptr || next->input(0) != node.outputs[0] || is_kept_float(*next)) {
      return;
    }
    const OpRule* rule = find_op_rule(*next);
    std::string why;
    if (rule != nullptr && rule->op_class == OpClass::kActivation &&
        (rule->accepts == nullptr || rule->accepts(*next, index_, why))) {
      at(i).activation = static_cast<size_t>(next - graph_.nodes.data());
      at(i).result = next->outputs[0];
      at(at(i).activation).absorbed = true;
    }
  }

  // The integer node whose codes `value` carries without further cost, or npos.
  size_t coder(std::string_view value) const {
    size_t position = index_.producer_position(value);
    if (position == GraphIndex::npos) {
      return position;
    }
    if (structure_.nodes[position].absorbed) {
      position = index_.producer_position(graph_.nodes[position].input(0));
    }
    const NodeStructure& entry = structure_.nodes[position];
    const bool codes = entry.kernel == Kernel::kCodesOut || entry.kernel == Kernel::kEitherOut;
    return entry.integer && codes ? position : GraphIndex::npos;
  }

  bool has_integer_consumer(const NodeStructure& entry, const Node& node) const {
    const auto used = [&](std::string_view value) {
      return std::ranges::any_of(index_.uses(value), [&](const GraphIndex::Use& use) {
        return use.slot != GraphIndex::kCaptured && structure_.nodes[use.node].integer &&
               reads_codes(use.node, use.slot);
      });
    };
    if (entry.rule->op_class != OpClass::kPassThrough) {
      return used(entry.result);
    }
    return std::ranges::any_of(node.outputs, used);
  }

  // Whether the node reads operand `slot` as codes (shapes, axes and bounds are no codes).
  bool reads_codes(size_t i, size_t slot) const {
    const NodeStructure& entry = structure_.nodes[i];
    return entry.rule->reads(slot) && slot != entry.fused_operand;
  }

  // Elementwise and pass-through nodes join when codes already arrive at them.
  bool spread_forward() {
    bool changed = false;
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      NodeStructure& entry = at(i);
      if (entry.rule == nullptr || entry.integer || rejected_.contains(i) ||
          entry.kernel == Kernel::kResidual ||
          (entry.rule->op_class != OpClass::kElementwise &&
           entry.rule->op_class != OpClass::kPassThrough)) {
        continue;
      }
      if (codes_arrive(i)) {
        entry.integer = true;
        changed = true;
      }
    }
    return changed;
  }

  bool codes_arrive(size_t i) const {
    const Node& node = graph_.nodes[i];
    bool any = false;
    for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
      if (node.inputs[slot].empty() || !reads_codes(i, slot)) {
        continue;
      }
      any = any || coder(node.inputs[slot]) != GraphIndex::npos;
    }
    return any;
  }

  // They leave again when nobody reads their codes as codes, or none arrive any more.
  bool prune_backward() {
    bool changed = false;
    for (size_t i = graph_.nodes.size(); i-- > 0;) {
      NodeStructure& entry = at(i);
      if (!entry.integer || entry.rule->op_class == OpClass::kCompute ||
          entry.kernel == Kernel::kResidual) {
        continue;
      }
      if (!has_integer_consumer(entry, graph_.nodes[i]) || !codes_arrive(i)) {
        entry.integer = false;
        rejected_.insert(i);
        changed = true;
      }
    }
    return changed;
  }

  void explain() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      NodeStructure& entry = at(i);
      if (entry.rule == nullptr || !entry.reason.empty()) {
        continue;
      }
      if (entry.integer && entry.activation != GraphIndex::npos) {
        at(entry.activation).reason = "absorbed by the saturation of the codes before it";
        at(entry.activation).integer = true;
      }
      entry.reason = entry.integer ? integer_reason(entry, target_) : float_reason(entry, target_);
    }
  }

  void collect_values() {
    std::set<std::string> known;
    const auto add = [&](CodedValue value) {
      if (known.insert(value.value).second) {
        structure_.values.push_back(std::move(value));
      }
    };
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      const NodeStructure& entry = at(i);
      if (!entry.integer || entry.absorbed) {
        continue;
      }
      for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
        const std::string& value = node.inputs[slot];
        if (value.empty() || !reads_codes(i, slot) || index_.constant(value) != nullptr) {
          continue;
        }
        const size_t producer = coder(value);
        if (producer == GraphIndex::npos ||
            structure_.nodes[producer].kernel == Kernel::kEitherOut) {
          add({.value = value, .producer = producer, .all_uses = false});
        }
      }
      if (entry.rule->op_class == OpClass::kPassThrough) {
        for (const std::string& output : node.outputs) {
          add({.value = output, .producer = i, .all_uses = true, .shares = node.inputs[0]});
        }
      } else if (entry.kernel == Kernel::kCodesOut) {
        add({.value = entry.result, .producer = i, .all_uses = true});
      }
    }
  }

  const Graph& graph_;
  GraphIndex index_;
  const Target& target_;
  bool everywhere_;  // every node with a rule, not only those between integer neighbours
  const std::set<std::string>* unobserved_;
  bool foreign_;
  std::set<std::string, std::less<>> keep_float_;
  std::set<size_t> rejected_;
  Structure structure_;
};

}  // namespace

Structure analyze_structure(const Graph& graph, const std::vector<std::string>& keep_float,
                            const Target& target, const StructureContext& context) {
  return Analysis(graph, keep_float, target, context).run();
}

std::vector<std::string> values_to_observe(const Structure& structure) {
  std::vector<std::string> names;
  for (const CodedValue& value : structure.values) {
    if (value.shares.empty()) {
      names.push_back(value.value);
    }
  }
  return names;
}

}  // namespace ptq
