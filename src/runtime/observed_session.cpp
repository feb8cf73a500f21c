#include "runtime/observed_session.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "graph/edit.h"
#include "graph/index.h"
#include "ptq/error.h"
#include "runtime/model_session.h"

namespace ptq {
namespace {

constexpr const char* kDomain = "ai.ptq";
constexpr const char* kBlockedDomain = "com.microsoft.nchwc";

// What is observed at one tensor of a graph.
struct Tap {
  std::vector<int64_t> slots;
  int64_t channels = 0;  // ObservedTensor
  int64_t block = 0;
};
using Taps = std::map<std::string, Tap>;  // by name of the tensor

bool is_mark(const Node& node) {
  return node.domain == kDomain && node.op_type == "Mark";
}

// Adds for each value
//
//   X ─ ...                X ─ ...
//                 →        └─ Mark ─ m (new graph output)
//
// A side consumer hinders only those optimizations that would make X disappear.
Model with_marks(Model model, const std::vector<std::string>& values) {
  NameScope names(model.graph);
  for (size_t slot = 0; slot < values.size(); ++slot) {
    Node mark;
    mark.domain = kDomain;
    mark.op_type = "Mark";
    mark.name = names.unique("ptq_mark");
    mark.inputs = {values[slot]};
    mark.outputs = {names.unique("ptq_mark_output")};
    mark.set_attribute("slot", static_cast<int64_t>(slot));
    ValueInfo output;
    output.name = mark.outputs[0];
    output.dtype = DType::kInt64;
    model.graph.outputs.push_back(std::move(output));
    model.graph.nodes.push_back(std::move(mark));
  }
  model.set_opset(kDomain, 1);
  return model;
}

// True when nothing but marks reads `value`.
bool only_marks_read(const GraphIndex& index, const std::string& value) {
  if (index.is_graph_output(value)) {
    return false;
  }
  for (const GraphIndex::Use& use : index.uses(value)) {
    if (!is_mark(index.graph().nodes[use.node])) {
      return false;
    }
  }
  return true;
}

// The same value in the blocked layout, when it exists in the plain layout for marks alone:
//
//   B ─ blocked operators              B ─ blocked operators
//   └─ ReorderOutput ─ X ─ Mark   →    (observed at B)
std::optional<std::pair<std::string, Tap>> blocked_source(const GraphIndex& index,
                                                          const std::string& value) {
  const Node* const reorder = index.producer(value);
  if (reorder == nullptr || reorder->domain != kBlockedDomain ||
      reorder->op_type != "ReorderOutput" || reorder->int_attribute("channels_last", 0) != 0 ||
      !only_marks_read(index, value)) {
    return std::nullopt;
  }
  Tap tap;
  tap.channels = reorder->int_attribute("channels", 0);
  tap.block = nchwc_block_size();
  if (tap.channels <= 0 || tap.block <= 0) {
    return std::nullopt;
  }
  return std::pair(reorder->inputs[0], tap);
}

// Reads the marks of an optimized graph into taps, then removes them, their outputs and the layout
// changes that were there for them alone. Values of other types than float32 go to `skipped`.
Taps take_marks(Graph& graph, std::vector<size_t>& skipped) {
  Taps taps;
  std::set<size_t> dead;
  std::set<std::string> dead_outputs;
  {
    const GraphIndex index(graph);
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      const Node& mark = graph.nodes[i];
      if (!is_mark(mark)) {
        continue;
      }
      dead.insert(i);
      dead_outputs.insert(mark.outputs[0]);
      const std::string& value = mark.inputs[0];
      const int64_t slot = mark.int_attribute("slot", 0);
      const DType dtype = index.dtype(value);
      if (dtype != DType::kFloat && dtype != DType::kUndefined) {
        skipped.push_back(static_cast<size_t>(slot));
        continue;
      }
      auto source = blocked_source(index, value);
      if (source) {
        dead.insert(index.producer_position(value));
      } else {
        source.emplace(value, Tap{});
      }
      const auto position = taps.emplace(std::move(*source)).first;
      position->second.slots.push_back(slot);
    }
  }
  erase_nodes(graph, dead);
  std::erase_if(graph.outputs,
                [&](const ValueInfo& output) { return dead_outputs.contains(output.name); });
  return taps;
}

Node observe_node(const Tap& tap, std::string input, std::string output, std::string name) {
  Node node;
  node.domain = kDomain;
  node.op_type = "Observe";
  node.name = std::move(name);
  node.inputs = {std::move(input)};
  node.outputs = {std::move(output)};
  node.set_attribute("slots", tap.slots);
  node.set_attribute("channels", tap.channels);
  node.set_attribute("block", tap.block);
  return node;
}

// Declares `copy` as `value` is declared, so that the runtime can plan its memory.
void copy_declaration(Graph& graph, const std::string& value, const std::string& copy) {
  for (const std::vector<ValueInfo>* list : {&graph.value_infos, &graph.outputs}) {
    for (const ValueInfo& info : *list) {
      if (info.name == value) {
        ValueInfo copied = info;
        copied.name = copy;
        copied.verbatim.clear();
        graph.value_infos.push_back(std::move(copied));
        return;
      }
    }
  }
}

// Puts an observer into the way of each tapped tensor, right behind what makes it, so that the
// tensor is still in the cache and lives no longer than before:
//
//   Node ─ X ─ ...      →      Node ─ X_raw ─ Observe ─ X ─ ...
void insert_observers(Model& model, const Taps& taps) {
  Graph& graph = model.graph;
  NameScope names(graph);
  std::set<std::string> made;
  std::vector<Node> nodes;
  std::vector<std::pair<std::string, std::string>> renamed;
  for (Node& node : graph.nodes) {
    std::vector<Node> observers;
    for (std::string& output : node.outputs) {
      const auto tap = taps.find(output);
      if (tap == taps.end()) {
        continue;
      }
      made.insert(output);
      std::string raw = names.unique(output + "_raw");
      renamed.emplace_back(output, raw);
      observers.push_back(observe_node(tap->second, raw, output, names.unique("ptq_observe")));
      output = std::move(raw);
    }
    nodes.push_back(std::move(node));
    std::move(observers.begin(), observers.end(), std::back_inserter(nodes));
  }
  graph.nodes = std::move(nodes);
  for (const auto& [value, raw] : renamed) {
    copy_declaration(graph, value, raw);
  }
  // What the runtime traced back to an input or a constant is read from there.
  for (const auto& [value, tap] : taps) {
    if (!made.contains(value)) {
      std::string passed = names.unique(value + "_observed");
      replace_uses(graph, value, passed);
      graph.nodes.insert(graph.nodes.begin(),
                         observe_node(tap, value, passed, names.unique("ptq_observe")));
    }
  }
  model.set_opset(kDomain, 1);
}

ObservedSession observe_optimized(const Model& model, const std::vector<std::string>& values,
                                  ObserverSink& sink) {
  SessionOptions options;
  options.sink = &sink;
  Model optimized = optimized_model(with_marks(model, values), options);
  std::vector<size_t> skipped;
  const Taps taps = take_marks(optimized.graph, skipped);
  insert_observers(optimized, taps);
  options.level = OptLevel::kNone;  // all is done; more would undo the placement
  return {open_session(optimized, options), std::move(skipped), ""};
}

ObservedSession observe_as_given(const Model& model, const std::vector<std::string>& values,
                                 ObserverSink& sink, std::string reason) {
  SessionOptions options;
  options.sink = &sink;
  std::vector<size_t> skipped;
  Taps taps;
  {
    const GraphIndex index(model.graph);
    for (size_t slot = 0; slot < values.size(); ++slot) {
      const DType dtype = index.dtype(values[slot]);
      if (dtype != DType::kFloat && dtype != DType::kUndefined) {
        skipped.push_back(slot);
      } else {
        taps[values[slot]].slots.push_back(static_cast<int64_t>(slot));
      }
    }
  }
  Model observed = model;
  insert_observers(observed, taps);
  return {open_session(observed, options), std::move(skipped), std::move(reason)};
}

}  // namespace

ObservedSession observe_values(const Model& model, const std::vector<std::string>& values,
                               ObserverSink& sink) {
  {
    const GraphIndex index(model.graph);
    for (const std::string& value : values) {
      if (index.producer(value) == nullptr) {
        throw Error(ErrorCode::kInput, fmt::format("value '{}': expected the output of a node of "
                                                   "the main graph, found none of that name",
                                                   printable(value)));
      }
    }
  }
  try {
    return observe_optimized(model, values, sink);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kRuntime && error.code() != ErrorCode::kInput) {
      throw;
    }
    return observe_as_given(model, values, sink, error.what());
  }
}

}  // namespace ptq
