#include "plan/structure.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

class Analysis {
 public:
  Analysis(const Graph& graph, const std::vector<std::string>& keep_float)
      : graph_(graph), index_(graph), keep_float_(keep_float.begin(), keep_float.end()) {
    structure_.nodes.resize(graph.nodes.size());
  }

  Structure run() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      classify(i);
    }
    bool changed = true;
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
    if (entry.rule == nullptr) {
      entry.reason = "the target has no integer kernel for this operator";
      return;
    }
    if (is_kept_float(node)) {
      entry.rule = nullptr;
      entry.reason = "kept in float as asked (--keep-float)";
      return;
    }
    if (entry.rule->accepts != nullptr && !entry.rule->accepts(node, index_, entry.reason)) {
      entry.rule = nullptr;
      return;
    }
    if (entry.rule->op_class == OpClass::kActivation ||
        entry.rule->op_class == OpClass::kWeightOnly) {
      return;
    }
    entry.integer = entry.rule->op_class == OpClass::kCompute;
    find_activation(i);
  }

  // Relu or Clip that alone reads the node's result. A pass-through moves codes, so nothing may
  // saturate behind it with other parameters.
  void find_activation(size_t i) {
    const Node& node = graph_.nodes[i];
    if (at(i).rule->op_class == OpClass::kPassThrough) {
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
    }
  }

  // The integer node whose codes `value` carries without further cost, or npos.
  size_t coder(std::string_view value) const {
    size_t position = index_.producer_position(value);
    if (position == GraphIndex::npos) {
      return position;
    }
    const NodeStructure* entry = &structure_.nodes[position];
    if (entry->rule != nullptr && entry->rule->op_class == OpClass::kActivation) {
      const size_t before = index_.producer_position(graph_.nodes[position].input(0));
      if (before == GraphIndex::npos || structure_.nodes[before].activation != position) {
        return GraphIndex::npos;
      }
      position = before;
      entry = &structure_.nodes[before];
    }
    return entry->integer && entry->rule->needs_output_codes ? position : GraphIndex::npos;
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
    const OpRule* rule = structure_.nodes[i].rule;
    if (rule->op_class == OpClass::kPassThrough) {
      return slot == 0;
    }
    return graph_.nodes[i].op_type == "Concat" || slot < 2;
  }

  // Elementwise and pass-through nodes join when codes already arrive at them.
  bool spread_forward() {
    bool changed = false;
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      NodeStructure& entry = at(i);
      if (entry.rule == nullptr || entry.integer || rejected_.contains(i) ||
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
      if (!entry.integer || entry.rule->op_class == OpClass::kCompute) {
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
      if (entry.integer) {
        entry.reason = entry.rule->op_class == OpClass::kCompute
                           ? "integer kernel for the product"
                           : "codes arrive and are needed behind it";
        if (entry.activation != GraphIndex::npos) {
          at(entry.activation).reason = "absorbed by the saturation of the codes before it";
          at(entry.activation).integer = true;
        }
      } else if (entry.rule->op_class == OpClass::kActivation) {
        entry.reason = "no integer kernel alone; no integer node before it";
      } else if (entry.rule->op_class == OpClass::kWeightOnly) {
        entry.reason = "the target computes it in float; the weight is stored as codes";
      } else {
        entry.reason =
            "no integer neighbours on both sides: converting would cost more than it saves";
      }
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
      if (!entry.integer || entry.rule->op_class == OpClass::kActivation) {
        continue;
      }
      for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
        const std::string& value = node.inputs[slot];
        if (!value.empty() && reads_codes(i, slot) && index_.constant(value) == nullptr &&
            coder(value) == GraphIndex::npos) {
          add({.value = value, .all_uses = false});
        }
      }
      if (entry.rule->op_class == OpClass::kPassThrough) {
        for (const std::string& output : node.outputs) {
          add({.value = output, .producer = i, .all_uses = true, .shares = node.inputs[0]});
        }
      } else if (entry.rule->needs_output_codes) {
        add({.value = entry.result, .producer = i, .all_uses = true});
      }
    }
  }

  const Graph& graph_;
  GraphIndex index_;
  std::set<std::string, std::less<>> keep_float_;
  std::set<size_t> rejected_;
  Structure structure_;
};

}  // namespace

Structure analyze_structure(const Graph& graph, const std::vector<std::string>& keep_float) {
  return Analysis(graph, keep_float).run();
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
