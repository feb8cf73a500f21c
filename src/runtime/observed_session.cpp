#include "runtime/observed_session.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "graph/edit.h"
#include "graph/index.h"
#include "graph/model_index.h"
#include "graph/unique_names.h"
#include "onnx_io/infer_shapes.h"
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

// A value to observe, and the slot it is reported under.
using Wanted = std::vector<std::pair<std::string, int64_t>>;

// Adds for each value
//
//   X ─ ...                X ─ ...
//                 →        └─ Mark ─ m (new graph output)
//
// A side consumer hinders only those optimizations that would make X disappear.
Model with_marks(Model model, const Wanted& wanted) {
  NameScope names(model.graph);
  for (const auto& [value, slot] : wanted) {
    Node mark;
    mark.domain = kDomain;
    mark.op_type = "Mark";
    mark.name = names.unique("ptq_mark");
    mark.inputs = {value};
    mark.outputs = {names.unique("ptq_mark_output")};
    mark.set_attribute("slot", slot);
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
  if (tap.channels <= 0 || (tap.block != 8 && tap.block != 16)) {
    return std::nullopt;
  }
  return std::pair(reorder->inputs[0], tap);
}

// Reads the marks of an optimized graph into taps, then removes them, their outputs and the layout
// changes that were there for them alone.
Taps take_marks(Graph& graph) {
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
      auto source = blocked_source(index, value);
      if (source) {
        dead.insert(index.producer_position(value));
      } else {
        source.emplace(value, Tap{});
      }
      const auto position = taps.emplace(std::move(*source)).first;
      position->second.slots.push_back(mark.int_attribute("slot", 0));
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

// Puts an observer into the way of each tapped tensor, right behind what makes it, so that the
// tensor is still in the cache and lives no longer than before:
//
//   Node ─ X ─ ...      →      Node ─ X_raw ─ Observe ─ X ─ ...
void insert_observers(Graph& graph, const Taps& taps, NameScope& names) {
  std::set<std::string> made;
  std::vector<Node> nodes;
  for (Node& node : graph.nodes) {
    std::vector<Node> observers;
    for (std::string& output : node.outputs) {
      const auto tap = taps.find(output);
      if (tap == taps.end()) {
        continue;
      }
      made.insert(output);
      std::string raw = names.unique(output + "_raw");
      observers.push_back(observe_node(tap->second, raw, output, names.unique("ptq_observe")));
      output = std::move(raw);
    }
    nodes.push_back(std::move(node));
    std::move(observers.begin(), observers.end(), std::back_inserter(nodes));
  }
  graph.nodes = std::move(nodes);
  // Inputs of inner graphs, and what the runtime traced back to an input or a constant.
  for (const auto& [value, tap] : taps) {
    if (!made.contains(value)) {
      std::string passed = names.unique(value + "_observed");
      replace_uses(graph, value, passed);
      graph.nodes.insert(graph.nodes.begin(),
                         observe_node(tap, value, passed, names.unique("ptq_observe")));
    }
  }
}

// The model with observers in the graphs inside its nodes, and what is left to observe in the main
// graph.
std::pair<Model, Wanted> with_inner_observers(const Model& model, const Wanted& wanted) {
  const ModelIndex index(model.graph);
  std::vector<Taps> taps(index.size());
  Wanted main;
  for (const auto& [value, slot] : wanted) {
    const size_t graph = index.find_graph(value);
    PTQ_CHECK(graph != ModelIndex::npos);
    if (graph == 0) {
      main.emplace_back(value, slot);
    } else {
      taps[graph][value].slots.push_back(slot);
    }
  }
  Model observed = model;
  if (main.size() < wanted.size()) {
    observed.graph = copy_graph(model.graph);
    NameScope names(observed.graph);
    const std::vector<Graph*> graphs = all_graphs(observed.graph);
    for (size_t k = graphs.size(); k-- > 1;) {  // inner ones first: an observer moves its nodes
      insert_observers(*graphs[k], taps[k], names);
    }
    observed.set_opset(kDomain, 1);
  }
  return {std::move(observed), std::move(main)};
}

void insert_main_observers(Model& model, const Taps& taps) {
  NameScope names(model.graph);
  insert_observers(model.graph, taps, names);
  model.set_opset(kDomain, 1);
}

Session observe_optimized(const Model& model, const Wanted& wanted, SessionOptions options) {
  const auto [observed, main] = with_inner_observers(model, wanted);
  Model optimized = optimized_model(with_marks(observed, main), options);
  // The runtime (1.31) gives values of its own the same name in several graphs, which it then
  // refuses.
  make_names_unique(optimized.graph);
  insert_main_observers(optimized, take_marks(optimized.graph));
  options.level = OptLevel::kNone;  // all is done; more would undo the placement
  return open_session(optimized, options);
}

Session observe_as_given(const Model& model, const Wanted& wanted, const SessionOptions& options) {
  auto [observed, main] = with_inner_observers(model, wanted);
  Taps taps;
  for (const auto& [value, slot] : main) {
    taps[value].slots.push_back(slot);
  }
  insert_main_observers(observed, taps);
  return open_session(observed, options);
}

// Element type of each value, by shape inference where the model does not declare it; kUndefined
// where both do not know.
std::vector<DType> value_types(const Model& model, const std::vector<std::string>& values) {
  const auto look_up = [&](const Graph& main) {
    const ModelIndex index(main);
    std::vector<DType> types;
    for (const std::string& value : values) {
      const size_t graph = index.find_graph(value);
      if (graph == ModelIndex::npos || (graph == 0 && index[0].producer(value) == nullptr)) {
        throw Error(ErrorCode::kInput,
                    fmt::format("value '{}': expected the output of a node, or an input of a graph "
                                "inside a node, found none of that name",
                                printable(value)));
      }
      types.push_back(index[graph].dtype(value));
    }
    return types;
  };
  std::vector<DType> types = look_up(model.graph);
  if (std::find(types.begin(), types.end(), DType::kUndefined) != types.end()) {
    Model inferred = model;
    inferred.graph = copy_graph(model.graph);
    infer_shapes(inferred);
    types = look_up(inferred.graph);
  }
  return types;
}

}  // namespace

ObservedSession observe_values(const Model& model, const std::vector<std::string>& values,
                               ObserverSink& sink, const std::atomic<bool>* cancel) {
  const std::vector<DType> types = value_types(model, values);
  Wanted wanted;
  std::vector<size_t> skipped;
  for (size_t slot = 0; slot < values.size(); ++slot) {
    // Operators that shape inference does not know (com.microsoft) are taken to give float32.
    if (types[slot] == DType::kFloat || types[slot] == DType::kUndefined) {
      wanted.emplace_back(values[slot], static_cast<int64_t>(slot));
    } else {
      skipped.push_back(slot);
    }
  }
  SessionOptions options;
  options.sink = &sink;
  options.cancel_load = cancel;
  if (is_large(model)) {
    return {observe_as_given(model, wanted, options), std::move(skipped),
            "its weights are too large to be written a second time for the optimized model"};
  }
  try {
    return {observe_optimized(model, wanted, options), std::move(skipped), ""};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kRuntime && error.code() != ErrorCode::kInput) {
      throw;
    }
    return {observe_as_given(model, wanted, options), std::move(skipped), error.what()};
  }
}

}  // namespace ptq
