#include "transform/walk.h"

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "graph/edit.h"
#include "ptq/error.h"

namespace ptq {
namespace {

const std::string& resolve(const Renames& renames, const std::string& name) {
  const std::string* current = &name;
  // A chain cannot be longer than the map; more steps mean a cycle.
  for (size_t step = 0; step <= renames.size(); ++step) {
    const auto found = renames.find(*current);
    if (found == renames.end()) {
      return *current;
    }
    current = &found->second;
  }
  fail_check("renames have no cycle", __FILE__, __LINE__);
}

// Inside an inner graph only names that it takes from outside are renamed.
void rename_captured(Graph& graph, const Renames& renames) {
  const std::set<std::string> own = defined_values(graph);
  const auto rename = [&](std::string& name) {
    if (name.empty() || own.contains(name) || !renames.contains(name)) {
      return false;
    }
    name = resolve(renames, name);
    return true;
  };
  Renames outside = renames;
  std::erase_if(outside, [&](const auto& entry) { return own.contains(entry.first); });
  for (Node& node : graph.nodes) {
    for (std::string& input : node.inputs) {
      rename(input);
    }
    for (Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        rename_captured(*inner, outside);
      }
    }
  }
  for (ValueInfo& output : graph.outputs) {
    if (rename(output.name)) {
      output.verbatim.clear();
    }
  }
}

}  // namespace

void for_each_graph(Graph& graph, const std::function<void(Graph&)>& visit) {
  visit(graph);
  for (Node& node : graph.nodes) {
    for (Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        for_each_graph(*inner, visit);
      }
    }
  }
}

bool inner_graph_defines(const Graph& graph, std::string_view name) {
  for (const Node& node : graph.nodes) {
    for (const Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        if (defined_values(*inner).contains(std::string(name)) ||
            inner_graph_defines(*inner, name)) {
          return true;
        }
      }
    }
  }
  return false;
}

void rename_values(Graph& graph, const Renames& renames) {
  if (renames.empty()) {
    return;
  }
  for (Node& node : graph.nodes) {
    for (std::string& input : node.inputs) {
      input = resolve(renames, input);
    }
    for (std::string& output : node.outputs) {
      output = resolve(renames, output);
    }
    for (Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        rename_captured(*inner, renames);
      }
    }
  }
  std::erase_if(graph.value_infos,
                [&](const ValueInfo& info) { return renames.contains(info.name); });
}

std::string node_text(const Node& node) {
  const std::string& name =
      !node.name.empty() || node.outputs.empty() ? node.name : node.outputs.front();
  return printable(node.op_type) + " '" + printable(name) + "'";
}

}  // namespace ptq
