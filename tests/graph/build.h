#pragma once
// Small graphs for the tests of this room. Only names and edges matter here.

#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "ptq/graph.h"

namespace ptq::testing_graph {

inline Node node(std::string op, std::vector<std::string> inputs,
                 std::vector<std::string> outputs) {
  Node made{.op_type = std::move(op)};
  made.inputs = std::move(inputs);
  made.outputs = std::move(outputs);
  return made;
}

inline Node with_inner(Node outer, std::initializer_list<Graph> inner) {
  Attribute attribute{.name = "body", .kind = AttributeKind::kGraphs};
  for (const Graph& graph : inner) {
    attribute.graphs.push_back(std::make_shared<Graph>(graph));
  }
  outer.attributes.push_back(std::move(attribute));
  return outer;
}

inline std::vector<ValueInfo> values(std::initializer_list<const char*> names) {
  std::vector<ValueInfo> out;
  for (const char* name : names) {
    out.push_back({.name = name});
  }
  return out;
}

inline Constant constant(std::string name) {
  return {.name = std::move(name), .tensor = Tensor::scalar(1.0F)};
}

inline Graph graph(std::initializer_list<const char*> inputs,
                   std::initializer_list<const char*> outputs, std::vector<Node> nodes) {
  Graph made;
  made.inputs = values(inputs);
  made.outputs = values(outputs);
  made.nodes = std::move(nodes);
  return made;
}

// The op types of the nodes, which the tests use as marks.
inline std::vector<std::string> ops(const Graph& of) {
  std::vector<std::string> out;
  for (const Node& each : of.nodes) {
    out.push_back(each.op_type);
  }
  return out;
}

// `count` nodes "n0", "n1", … in topological order; node k makes "vk" (and, for some, "wk"), reads
// up to three earlier values, and some capture a value in an inner graph instead.
inline Graph random_graph(std::mt19937& random, size_t count) {
  Graph made;
  made.inputs = values({"in"});
  std::vector<std::string> available = {"in"};
  const auto pick = [&] { return available[random() % available.size()]; };
  for (size_t k = 0; k < count; ++k) {
    Node next = node(fmt::format("n{}", k), {}, {fmt::format("v{}", k)});
    for (size_t uses = random() % 4; uses > 0; --uses) {
      next.inputs.push_back(random() % 5 == 0 ? "" : pick());
    }
    if (random() % 4 == 0) {
      next = with_inner(std::move(next), {graph({}, {"t"}, {node("inner", {pick()}, {"t"})})});
    }
    if (random() % 4 == 0) {
      next.outputs.push_back(random() % 2 == 0 ? std::string() : fmt::format("w{}", k));
    }
    for (const std::string& output : next.outputs) {
      if (!output.empty()) {
        available.push_back(output);
      }
    }
    made.nodes.push_back(std::move(next));
  }
  for (size_t i = 0; i < 3; ++i) {
    made.outputs.push_back({.name = pick()});
  }
  return made;
}

}  // namespace ptq::testing_graph
