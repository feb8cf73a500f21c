#include <functional>
#include <limits>
#include <queue>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "core/log.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/check.h"
#include "ptq/error.h"

namespace ptq {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;
using Names = std::unordered_set<std::string_view>;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::kInput, message);
}

// What a graph and the body of a function have in common.
struct Body {
  std::string place;  // "graph", "function 'f'", …
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> constants;
  std::vector<std::string_view> outputs;
  Nodes* nodes = nullptr;
};

// Names visible in a graph: its own, then those of the graphs around it.
struct Scope {
  const Scope* outer = nullptr;
  Names names;

  bool has(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
      if (scope->names.contains(name)) {
        return true;
      }
    }
    return false;
  }
};

void check_body(Body& body, const Scope* outer);

Body body_of(onnx::GraphProto& graph, std::string place) {
  Body body;
  body.place = std::move(place);
  body.nodes = graph.mutable_node();
  for (const onnx::ValueInfoProto& input : graph.input()) {
    body.inputs.push_back(input.name());
  }
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    body.constants.push_back(tensor.name());
  }
  for (const onnx::SparseTensorProto& tensor : graph.sparse_initializer()) {
    body.constants.push_back(tensor.values().name());
  }
  for (const onnx::ValueInfoProto& output : graph.output()) {
    body.outputs.push_back(output.name());
  }
  return body;
}

void for_each_inner_graph(onnx::NodeProto& node,
                          const std::function<void(onnx::GraphProto&)>& visit) {
  for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
    if (attribute.has_g()) {
      visit(*attribute.mutable_g());
    }
    for (onnx::GraphProto& graph : *attribute.mutable_graphs()) {
      visit(graph);
    }
  }
}

// Adds names that `graph` uses and does not define.
void collect_captured(onnx::GraphProto& graph, Names& captured) {
  Names used;
  Names defined;
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    used.insert(node.input().begin(), node.input().end());
    defined.insert(node.output().begin(), node.output().end());
    for_each_inner_graph(node, [&](onnx::GraphProto& inner) { collect_captured(inner, used); });
  }
  const Body body = body_of(graph, "");
  used.insert(body.outputs.begin(), body.outputs.end());
  defined.insert(body.inputs.begin(), body.inputs.end());
  defined.insert(body.constants.begin(), body.constants.end());
  for (const std::string_view name : used) {
    if (!defined.contains(name)) {
      captured.insert(name);
    }
  }
}

Scope define_names(const Body& body, const Scope* outer) {
  Scope scope{outer, {}};
  for (const std::string_view name : body.inputs) {
    if (name.empty()) {
      refuse(fmt::format("{}: an input has no name", body.place));
    }
    if (!scope.names.insert(name).second) {
      refuse(
          fmt::format("{}: input '{}' is declared twice; rename one", body.place, printable(name)));
    }
  }
  Names constants;
  for (const std::string_view name : body.constants) {
    if (name.empty()) {
      refuse(fmt::format("{}: an initializer has no name", body.place));
    }
    if (!constants.insert(name).second) {
      refuse(fmt::format("{}: initializer '{}' is defined twice; remove one", body.place,
                         printable(name)));
    }
    scope.names.insert(name);  // an initializer may be the default of an input
  }
  for (const onnx::NodeProto& node : *body.nodes) {
    if (node.op_type().empty()) {
      refuse(fmt::format("{}: {} has no operator type", body.place, node_place(node)));
    }
    for (const std::string& name : node.output()) {
      if (!name.empty() && !scope.names.insert(name).second) {
        refuse(
            fmt::format("{}: {} makes '{}', which is defined already; every value needs one "
                        "source, rename it",
                        body.place, node_place(node), printable(name)));
      }
    }
  }
  return scope;
}

// For each node the positions of the nodes it depends on.
std::vector<std::vector<int>> find_dependencies(const Body& body, const Scope& scope) {
  std::unordered_map<std::string_view, int> producers;
  for (int k = 0; k < body.nodes->size(); ++k) {
    for (const std::string& name : (*body.nodes)[k].output()) {
      producers.emplace(name, k);
    }
  }
  std::vector<std::vector<int>> dependencies(static_cast<size_t>(body.nodes->size()));
  for (int k = 0; k < body.nodes->size(); ++k) {
    onnx::NodeProto& node = (*body.nodes)[k];
    Names used(node.input().begin(), node.input().end());
    for_each_inner_graph(node, [&](onnx::GraphProto& inner) { collect_captured(inner, used); });
    for (const std::string_view name : used) {
      if (name.empty()) {
        continue;
      }
      if (!scope.has(name)) {
        refuse(
            fmt::format("{}: {} reads '{}', which nothing defines; the model is incomplete, export "
                        "it again",
                        body.place, node_place(node), printable(name)));
      }
      const auto producer = producers.find(name);
      if (producer != producers.end()) {
        dependencies[static_cast<size_t>(k)].push_back(producer->second);
      }
    }
  }
  return dependencies;
}

bool is_sorted(const std::vector<std::vector<int>>& dependencies) {
  for (size_t k = 0; k < dependencies.size(); ++k) {
    for (const int earlier : dependencies[k]) {
      if (static_cast<size_t>(earlier) >= k) {
        return false;
      }
    }
  }
  return true;
}

// Positions in an order that respects the dependencies, as near to the given one as they allow.
std::vector<int> sorted_order(const std::vector<std::vector<int>>& dependencies) {
  std::vector<std::vector<int>> followers(dependencies.size());
  std::vector<size_t> missing(dependencies.size());
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (size_t k = 0; k < dependencies.size(); ++k) {
    missing[k] = dependencies[k].size();
    for (const int earlier : dependencies[k]) {
      followers[static_cast<size_t>(earlier)].push_back(static_cast<int>(k));
    }
    if (missing[k] == 0) {
      ready.push(static_cast<int>(k));
    }
  }
  std::vector<int> order;
  while (!ready.empty()) {
    const int next = ready.top();
    ready.pop();
    order.push_back(next);
    for (const int follower : followers[static_cast<size_t>(next)]) {
      if (--missing[static_cast<size_t>(follower)] == 0) {
        ready.push(follower);
      }
    }
  }
  return order;
}

void reorder(Nodes& nodes, const std::vector<int>& order) {
  std::vector<onnx::NodeProto*> released(order.size());
  nodes.ExtractSubrange(0, nodes.size(), released.data());
  for (const int k : order) {
    nodes.AddAllocated(released[static_cast<size_t>(k)]);
  }
}

void sort_nodes(Body& body, const std::vector<std::vector<int>>& dependencies) {
  if (is_sorted(dependencies)) {
    return;
  }
  const std::vector<int> order = sorted_order(dependencies);
  if (order.size() < dependencies.size()) {
    std::vector<bool> is_placed(dependencies.size());
    for (const int k : order) {
      is_placed[static_cast<size_t>(k)] = true;
    }
    // Every node that is left is in a cycle or behind one: walk back until a node comes again.
    size_t node = 0;
    while (is_placed[node]) {
      ++node;
    }
    std::vector<bool> was_visited(dependencies.size());
    while (!was_visited[node]) {
      was_visited[node] = true;
      for (const int earlier : dependencies[node]) {
        if (!is_placed[static_cast<size_t>(earlier)]) {
          node = static_cast<size_t>(earlier);
          break;
        }
      }
    }
    refuse(fmt::format("{}: {} depends on its own output; a graph must not have a cycle",
                       body.place, node_place((*body.nodes)[static_cast<int>(node)])));
  }
  log_warn(fmt::format("{}: nodes stand before their inputs; sorted", body.place));
  reorder(*body.nodes, order);
}

void check_attributes(onnx::NodeProto& node, const std::string& place, const Scope& scope) {
  Names names;
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (!names.insert(attribute.name()).second) {
      refuse(fmt::format("{}: {} has attribute '{}' twice", place, node_place(node),
                         printable(attribute.name())));
    }
  }
  for_each_inner_graph(node, [&](onnx::GraphProto& inner) {
    Body body = body_of(inner, "inner graph of " + node_place(node));
    check_body(body, &scope);
  });
}

void check_body(Body& body, const Scope* outer) {
  const Scope scope = define_names(body, outer);
  sort_nodes(body, find_dependencies(body, scope));
  for (onnx::NodeProto& node : *body.nodes) {
    check_attributes(node, body.place, scope);
  }
  Names outputs;
  for (const std::string_view name : body.outputs) {
    if (!scope.has(name)) {
      refuse(
          fmt::format("{}: output '{}' is defined by nothing; the model is incomplete, export it "
                      "again",
                      body.place, printable(name)));
    }
    if (!outputs.insert(name).second && outer == nullptr) {
      refuse(fmt::format("{}: output '{}' is declared twice; remove one", body.place,
                         printable(name)));
    }
  }
}

}  // namespace

void check_graph(onnx::GraphProto& graph) {
  Body body = body_of(graph, "graph");
  check_body(body, nullptr);
}

void check_function_body(onnx::FunctionProto& function) {
  Body body;
  body.place = fmt::format("function '{}'", printable(function.name()));
  body.inputs.assign(function.input().begin(), function.input().end());
  body.outputs.assign(function.output().begin(), function.output().end());
  body.nodes = function.mutable_node();
  check_body(body, nullptr);
}

}  // namespace ptq
