#include "graph/index.h"

#include <algorithm>
#include <set>

namespace ptq {
namespace {

// Adds to `out` what `graph` uses without defining it.
void collect_free_names(const Graph& graph, std::set<std::string>& out) {
  std::set<std::string_view> defined;
  for (const ValueInfo& input : graph.inputs) {
    defined.insert(input.name);
  }
  for (const Constant& constant : graph.initializers) {
    defined.insert(constant.name);
  }
  for (const Node& node : graph.nodes) {
    defined.insert(node.outputs.begin(), node.outputs.end());
  }
  const auto add = [&](const std::string& name) {
    if (!name.empty() && !defined.contains(name)) {
      out.insert(name);
    }
  };
  for (const Node& node : graph.nodes) {
    std::for_each(node.inputs.begin(), node.inputs.end(), add);
    const std::vector<std::string> inner = captured_values(node);
    std::for_each(inner.begin(), inner.end(), add);
  }
  for (const ValueInfo& output : graph.outputs) {
    add(output.name);
  }
}

}  // namespace

std::vector<std::string> captured_values(const Node& node) {
  std::set<std::string> names;
  for (const Attribute& attribute : node.attributes) {
    for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
      collect_free_names(*inner, names);
    }
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> captured_values(const Graph& inner) {
  std::set<std::string> names;
  collect_free_names(inner, names);
  return {names.begin(), names.end()};
}

GraphIndex::GraphIndex(const Graph& graph, const GraphIndex* outer)
    : graph_(&graph), outer_(outer) {
  for (const ValueInfo& input : graph.inputs) {
    Entry& entry = entries_[input.name];
    entry.is_input = true;
    entry.info = &input;
  }
  for (const Constant& constant : graph.initializers) {
    entries_[constant.name].constant = &constant;
  }
  for (const ValueInfo& info : graph.value_infos) {
    entries_[info.name].info = &info;
  }
  // All makers before all uses: a captured name finds its entry in any order of the nodes.
  for (size_t position = 0; position < graph.nodes.size(); ++position) {
    for (const std::string& output : graph.nodes[position].outputs) {
      if (!output.empty()) {
        entries_[output].producer = position;
      }
    }
  }
  for (size_t position = 0; position < graph.nodes.size(); ++position) {
    const Node& node = graph.nodes[position];
    for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
      if (!node.inputs[slot].empty()) {
        entries_[node.inputs[slot]].uses.push_back({position, slot});
      }
    }
    for (const std::string& captured : captured_values(node)) {
      // The key must outlive the temporary name, so this makes no entry: a name without one comes
      // from a graph around this one.
      const auto found = entries_.find(captured);
      if (found != entries_.end()) {
        found->second.uses.push_back({position, kCaptured});
      }
    }
  }
  for (const ValueInfo& output : graph.outputs) {
    Entry& entry = entries_[output.name];
    entry.is_output = true;
    if (entry.info == nullptr) {
      entry.info = &output;
    }
  }
}

const GraphIndex::Entry* GraphIndex::find(std::string_view value) const {
  const auto found = entries_.find(value);
  return found == entries_.end() ? nullptr : &found->second;
}

const GraphIndex::Entry* GraphIndex::find_definition(std::string_view value) const {
  const Entry* entry = find(value);
  const bool only_used = entry == nullptr || (entry->producer == npos && !entry->is_input &&
                                              entry->constant == nullptr);
  if (only_used && outer_ != nullptr) {
    if (const Entry* found = outer_->find_definition(value); found != nullptr) {
      return found;
    }
  }
  return entry;
}

const Node* GraphIndex::producer(std::string_view value) const {
  const size_t position = producer_position(value);
  return position == npos ? nullptr : &graph_->nodes[position];
}

size_t GraphIndex::producer_position(std::string_view value) const {
  const Entry* entry = find(value);
  return entry == nullptr ? npos : entry->producer;
}

const std::vector<GraphIndex::Use>& GraphIndex::uses(std::string_view value) const {
  static const std::vector<Use> kNone;
  const Entry* entry = find(value);
  return entry == nullptr ? kNone : entry->uses;
}

bool GraphIndex::is_graph_output(std::string_view value) const {
  const Entry* entry = find(value);
  return entry != nullptr && entry->is_output;
}

bool GraphIndex::is_graph_input(std::string_view value) const {
  const Entry* entry = find(value);
  return entry != nullptr && entry->is_input;
}

const Constant* GraphIndex::constant(std::string_view value) const {
  const Entry* entry = find_definition(value);
  return entry == nullptr ? nullptr : entry->constant;
}

const Constant* GraphIndex::fixed_constant(std::string_view value) const {
  const Entry* entry = find_definition(value);
  return entry == nullptr || entry->is_input ? nullptr : entry->constant;
}

const ValueInfo* GraphIndex::info(std::string_view value) const {
  const Entry* entry = find_definition(value);
  return entry == nullptr ? nullptr : entry->info;
}

const Shape* GraphIndex::shape(std::string_view value) const {
  const Entry* entry = find_definition(value);
  if (entry == nullptr) {
    return nullptr;
  }
  if (entry->constant != nullptr) {
    return &entry->constant->tensor.shape();
  }
  return entry->info != nullptr && entry->info->has_shape ? &entry->info->shape : nullptr;
}

DType GraphIndex::dtype(std::string_view value) const {
  const Entry* entry = find_definition(value);
  if (entry == nullptr) {
    return DType::kUndefined;
  }
  if (entry->constant != nullptr) {
    return entry->constant->tensor.dtype();
  }
  return entry->info != nullptr ? entry->info->dtype : DType::kUndefined;
}

const Node* GraphIndex::only_consumer(std::string_view value) const {
  const Entry* entry = find(value);
  if (entry == nullptr || entry->is_output || entry->uses.size() != 1 ||
      entry->uses[0].slot == kCaptured) {
    return nullptr;
  }
  return &graph_->nodes[entry->uses[0].node];
}

}  // namespace ptq
