#include "graph/edit.h"

#include <algorithm>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "graph/index.h"
#include "ptq/error.h"

namespace ptq {
namespace {

void collect_names(const Graph& graph, std::set<std::string, std::less<>>& names) {
  for (const ValueInfo& value : graph.inputs) {
    names.insert(value.name);
  }
  for (const ValueInfo& value : graph.outputs) {
    names.insert(value.name);
  }
  for (const ValueInfo& value : graph.value_infos) {
    names.insert(value.name);  // a stale declaration would give a new value its type
  }
  for (const Constant& constant : graph.initializers) {
    names.insert(constant.name);
  }
  for (const Node& node : graph.nodes) {
    names.insert(node.name);
    names.insert(node.outputs.begin(), node.outputs.end());
    names.insert(node.inputs.begin(), node.inputs.end());
    for (const Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        collect_names(*inner, names);
      }
    }
  }
}

bool defines(const Graph& graph, std::string_view name) {
  for (const ValueInfo& input : graph.inputs) {
    if (input.name == name) {
      return true;
    }
  }
  for (const Constant& constant : graph.initializers) {
    if (constant.name == name) {
      return true;
    }
  }
  for (const Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) {
      if (output == name) {
        return true;
      }
    }
  }
  return false;
}

void replace_in_nodes(Graph& graph, std::string_view from, std::string_view to) {
  for (Node& node : graph.nodes) {
    for (std::string& input : node.inputs) {
      if (input == from) {
        input = to;
      }
    }
    for (Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        if (defines(*inner, from)) {
          continue;  // the inner graph has a value of its own under this name
        }
        replace_in_nodes(*inner, from, to);
        for (ValueInfo& output : inner->outputs) {
          if (output.name == from) {
            output.name = to;
            output.verbatim.clear();
          }
        }
      }
    }
  }
}

}  // namespace

NameScope::NameScope(const Graph& graph) {
  collect_names(graph, taken_);
}

std::string NameScope::unique(std::string_view base) {
  std::string name(base);
  for (int i = 1; taken_.contains(name); ++i) {
    name = std::string(base) + "_" + std::to_string(i);
  }
  taken_.insert(name);
  return name;
}

std::set<std::string> defined_values(const Graph& graph) {
  std::set<std::string> names;
  for (const ValueInfo& input : graph.inputs) {
    names.insert(input.name);
  }
  for (const Constant& constant : graph.initializers) {
    names.insert(constant.name);
  }
  for (const Node& node : graph.nodes) {
    names.insert(node.outputs.begin(), node.outputs.end());
  }
  names.erase("");
  return names;
}

void replace_uses(Graph& graph, std::string_view from, std::string_view to) {
  PTQ_CHECK(!from.empty());
  // Copies, since the caller's views may point into a name that is about to change.
  const std::string old_name(from);
  const std::string new_name(to);
  replace_in_nodes(graph, old_name, new_name);
}

void rename_value(Graph& graph, std::string_view from, std::string_view to) {
  const std::string old_name(from);
  const std::string new_name(to);
  for (std::vector<ValueInfo>* list : {&graph.inputs, &graph.outputs, &graph.value_infos}) {
    for (ValueInfo& info : *list) {
      if (info.name == old_name) {
        info.name = new_name;
        info.verbatim.clear();
      }
    }
  }
  for (Constant& constant : graph.initializers) {
    if (constant.name == old_name) {
      constant.name = new_name;
    }
  }
  for (Node& node : graph.nodes) {
    std::ranges::replace(node.outputs, old_name, new_name);
  }
  replace_uses(graph, old_name, new_name);
}

void erase_nodes(Graph& graph, const std::set<size_t>& positions) {
  std::vector<Node> kept;
  kept.reserve(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!positions.contains(i)) {
      kept.push_back(std::move(graph.nodes[i]));
    }
  }
  graph.nodes = std::move(kept);
}

size_t remove_dead(Graph& graph) {
  std::unordered_set<std::string> live;
  for (const ValueInfo& output : graph.outputs) {
    live.insert(output.name);
  }
  std::set<size_t> dead;
  // Backwards over the topological order: all consumers are seen before their producer.
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    bool has_output = false;
    bool used = false;
    for (const std::string& output : node.outputs) {
      has_output = has_output || !output.empty();
      used = used || live.contains(output);
    }
    if (has_output && !used) {
      dead.insert(i);
      continue;
    }
    live.insert(node.inputs.begin(), node.inputs.end());
    live.erase("");  // an absent input is no use of an absent output
    for (std::string& name : captured_values(node)) {
      live.insert(std::move(name));
    }
  }
  erase_nodes(graph, dead);
  std::unordered_set<std::string_view> inputs;
  for (const ValueInfo& input : graph.inputs) {
    inputs.insert(input.name);
  }
  const size_t constants = std::erase_if(graph.initializers, [&](const Constant& constant) {
    return !live.contains(constant.name) && !inputs.contains(constant.name);
  });
  std::unordered_set<std::string_view> made;
  for (const Node& node : graph.nodes) {
    made.insert(node.outputs.begin(), node.outputs.end());
  }
  for (const Constant& constant : graph.initializers) {
    made.insert(constant.name);
  }
  std::erase_if(graph.value_infos,
                [&](const ValueInfo& info) { return !made.contains(info.name); });
  return dead.size() + constants;
}

Constant* find_constant(Graph& graph, std::string_view name) {
  for (Constant& constant : graph.initializers) {
    if (constant.name == name) {
      return &constant;
    }
  }
  return nullptr;
}

bool sort_topologically(Graph& graph) {
  const size_t count = graph.nodes.size();
  std::unordered_map<std::string, size_t> producer;
  for (size_t i = 0; i < count; ++i) {
    for (const std::string& output : graph.nodes[i].outputs) {
      if (!output.empty()) {
        producer.emplace(output, i);
      }
    }
  }
  std::vector<size_t> missing(count, 0);
  std::vector<std::vector<size_t>> followers(count);
  for (size_t i = 0; i < count; ++i) {
    std::set<size_t> sources;
    const auto add = [&](const std::string& name) {
      const auto found = producer.find(name);
      if (found != producer.end()) {
        sources.insert(found->second);
      }
    };
    for (const std::string& input : graph.nodes[i].inputs) {
      add(input);
    }
    for (const std::string& input : captured_values(graph.nodes[i])) {
      add(input);
    }
    missing[i] = sources.size();
    for (const size_t source : sources) {
      followers[source].push_back(i);
    }
  }
  // The smallest ready position first keeps an order that is already topological.
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < count; ++i) {
    if (missing[i] == 0) {
      ready.push(i);
    }
  }
  std::vector<size_t> order;
  order.reserve(count);
  while (!ready.empty()) {
    const size_t i = ready.top();
    ready.pop();
    order.push_back(i);
    for (const size_t follower : followers[i]) {
      if (--missing[follower] == 0) {
        ready.push(follower);
      }
    }
  }
  if (order.size() != count) {
    return false;
  }
  std::vector<Node> sorted;
  sorted.reserve(count);
  for (const size_t i : order) {
    sorted.push_back(std::move(graph.nodes[i]));
  }
  graph.nodes = std::move(sorted);
  return true;
}

}  // namespace ptq
