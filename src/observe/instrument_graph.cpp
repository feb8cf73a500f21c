#include "observe/instrument_graph.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "graph/edit.h"
#include "graph/index.h"
#include "graph/model_index.h"
#include "graph/unique_names.h"
#include "observe/op_schema.h"
#include "onnx_io/infer_shapes.h"
#include "ptq/error.h"

namespace ptq {
namespace {

// An observed value: its slot, and the operator for its type.
struct Tap {
  int64_t slot = 0;
  const char* op = kObserveOp;
};
using Taps = std::map<std::string, Tap>;  // by name of the value

Node observe_node(std::string_view op_type, std::vector<std::string> inputs,
                  std::vector<std::string> outputs, std::string name) {
  Node node;
  node.domain = kObserveDomain;
  node.op_type = op_type;
  node.name = std::move(name);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  return node;
}

// Puts an observer into the way of each value, right behind what makes it, so that the value is
// still in the cache and lives no longer than before:
//
//   Node ─ X ─ ...      →      Node ─ X_raw ─ Observe ─ X ─ ...
//
// Returns the names of their outputs `done`.
std::vector<std::string> insert_observers(Graph& graph, const Taps& taps, const std::string& token,
                                          NameScope& names) {
  std::vector<std::string> done;
  const auto make = [&](const Tap& tap, const std::string& from, const std::string& to) {
    done.push_back(names.unique("ptq_observed"));
    Node node = observe_node(tap.op, {from, token}, {to, done.back()}, names.unique("ptq_observe"));
    node.set_attribute("slot", tap.slot);
    return node;
  };
  std::set<std::string> made;
  std::vector<Node> nodes;
  for (Node& node : graph.nodes) {
    std::vector<Node> observers;
    for (std::string& output : node.outputs) {
      const auto tap = taps.find(output);
      if (tap != taps.end()) {
        made.insert(output);
        const std::string raw = names.unique(output + "_raw");
        observers.push_back(make(tap->second, raw, output));
        output = raw;
      }
    }
    nodes.push_back(std::move(node));
    std::ranges::move(observers, std::back_inserter(nodes));
  }
  graph.nodes = std::move(nodes);
  for (const auto& [value, tap] : taps) {  // inputs
    if (!made.contains(value)) {
      const std::string passed = names.unique(value + "_observed");
      replace_uses(graph, value, passed);
      graph.nodes.insert(graph.nodes.begin(), make(tap, value, passed));
    }
  }
  return done;
}

// A tensor that exists when `node` is done: its first output that is one.
std::string tensor_of(const Node& node, const GraphIndex& index) {
  for (const std::string& output : node.outputs) {
    const ValueInfo* const info = output.empty() ? nullptr : index.info(output);
    const bool no_tensor = info != nullptr && info->dtype == DType::kUndefined;
    if (!output.empty() && !no_tensor) {
      return output;
    }
  }
  return {};
}

// Puts all observers into `model`, and EndRun behind them.
void observe_model(Model& model, const std::vector<Taps>& taps, const std::string& token,
                   NameScope& names) {
  std::vector<std::string> done = {token};
  {
    const GraphIndex index(model.graph);
    for (const Node& node : model.graph.nodes) {
      const bool has_graphs = std::ranges::any_of(
          node.attributes, [](const Attribute& attribute) { return !attribute.graphs.empty(); });
      if (const std::string tensor = has_graphs ? tensor_of(node, index) : ""; !tensor.empty()) {
        done.push_back(tensor);
      }
    }
  }
  const std::vector<Graph*> graphs = all_graphs(model.graph);
  for (size_t k = graphs.size(); k-- > 1;) {  // inner ones first: an observer moves its nodes
    insert_observers(*graphs[k], taps[k], token, names);
  }
  std::ranges::move(insert_observers(model.graph, taps[0], token, names), std::back_inserter(done));
  for (const ValueInfo& output : model.graph.outputs) {
    if (output.dtype != DType::kUndefined) {
      done.push_back(output.name);  // a run that fails before it has its results does not count
    }
  }
  model.graph.nodes.push_back(
      observe_node(kEndRunOp, done, {names.unique("ptq_run_end")}, names.unique("ptq_end_run")));
}

// Initializers that stay outside of the branches: defaults of inputs, which callers may replace,
// and large ones of a model that is too large to be written twice. Inside, the runtime (1.31) folds
// and packs more: it changes the layout of a Conv only when its weights are in the same graph.
std::set<std::string> shared_values(const Graph& graph) {
  constexpr size_t kMaxTwice = size_t{256} << 20;
  constexpr size_t kLarge = size_t{64} << 10;
  size_t bytes = 0;
  std::set<std::string> shared;
  for (const ValueInfo& input : graph.inputs) {
    shared.insert(input.name);
  }
  const auto is_output = [&](const std::string& name) {
    return std::ranges::find(graph.outputs, name, &ValueInfo::name) != graph.outputs.end();
  };
  for (const Constant& constant : graph.initializers) {
    bytes += constant.tensor.bytes().size();
    if (is_output(constant.name)) {
      shared.insert(constant.name);
    }
  }
  if (bytes <= kMaxTwice) {
    return shared;
  }
  std::set<std::string> of_convolutions;
  for (const Node& node : graph.nodes) {
    if (node.is("Conv") || node.is("ConvTranspose")) {
      of_convolutions.insert(node.inputs.begin(), node.inputs.end());
    }
  }
  for (const Constant& constant : graph.initializers) {
    if (constant.tensor.bytes().size() >= kLarge && !of_convolutions.contains(constant.name)) {
      shared.insert(constant.name);
    }
  }
  return shared;
}

// The nodes of a model as a branch of an If. Inputs and `shared` constants stay outside.
Graph branch_of(Graph graph, std::string name, const std::set<std::string>& shared) {
  graph.name = std::move(name);
  for (ValueInfo& output : graph.outputs) {
    // Of a file that declares a wrong shape the runtime only warns; an If would give it memory of
    // that shape, and fail.
    output.has_shape = false;
    output.shape.clear();
    output.symbols.clear();
    output.verbatim.clear();
  }
  std::erase_if(graph.outputs,
                [&](const ValueInfo& output) { return shared.contains(output.name); });
  std::erase_if(graph.initializers,
                [&](const Constant& constant) { return shared.contains(constant.name); });
  graph.inputs.clear();
  graph.verbatim.clear();
  return graph;
}

// Before IR version 4 initializers had to be inputs, whose values the runtime does not let a caller
// replace; a graph inside a node cannot have such inputs.
void drop_constant_inputs(Model& model) {
  constexpr int64_t kFirstWithout = 4;
  if (model.ir_version >= kFirstWithout) {
    return;
  }
  std::set<std::string> constants;
  for (const Constant& constant : model.graph.initializers) {
    constants.insert(constant.name);
  }
  std::erase_if(model.graph.inputs,
                [&](const ValueInfo& input) { return constants.contains(input.name); });
  model.ir_version = kFirstWithout;
}

// The two branches in the place of the nodes of `model`.
void make_branches(Model& model, Graph observed, const std::string& counted, NameScope& names) {
  Node choice;
  choice.op_type = "If";
  choice.name = names.unique("ptq_choice");
  choice.inputs = {counted};
  const std::set<std::string> shared = shared_values(model.graph);
  for (const ValueInfo& output : model.graph.outputs) {
    if (!shared.contains(output.name)) {
      choice.outputs.push_back(output.name);
    }
  }
  const auto add_branch = [&](const char* attribute_name, Graph graph) {
    Attribute attribute;
    attribute.name = attribute_name;
    attribute.kind = AttributeKind::kGraph;
    attribute.graphs = {
        std::make_shared<Graph>(branch_of(std::move(graph), attribute_name, shared))};
    choice.attributes.push_back(std::move(attribute));
  };
  add_branch("then_branch", std::move(observed));
  add_branch("else_branch", copy_graph(model.graph));
  model.graph.nodes = {std::move(choice)};
  model.graph.value_infos.clear();
  std::erase_if(model.graph.initializers,
                [&](const Constant& constant) { return !shared.contains(constant.name); });
}

// Element types by shape inference where the model does not declare them.
std::vector<Taps> find_taps(const Model& model, const std::vector<std::string>& values,
                            std::vector<std::string>& unobserved, std::vector<Shape>& shapes) {
  Model inferred = model;
  inferred.graph = copy_graph(model.graph);
  infer_shapes(inferred);
  const ModelIndex index(inferred.graph);
  std::vector<Taps> taps(index.size());
  for (size_t slot = 0; slot < values.size(); ++slot) {
    size_t graph = index.find_graph(values[slot]);
    if (graph == ModelIndex::npos && index[0].is_graph_input(values[slot])) {
      graph = 0;
    }
    if (graph == ModelIndex::npos) {
      throw Error(ErrorCode::kInput,
                  fmt::format("value '{}': expected an input, or the output of a node, found none "
                              "of that name",
                              printable(values[slot])));
    }
    const ValueInfo* const info = index[graph].info(values[slot]);
    shapes.push_back(info != nullptr && info->has_shape ? info->shape : Shape{});
    const DType dtype = index[graph].dtype(values[slot]);
    // Operators that shape inference does not know (com.microsoft) are taken to give float32.
    if (dtype == DType::kFloat || dtype == DType::kUndefined) {
      taps[graph][values[slot]] = {static_cast<int64_t>(slot), kObserveOp};
    } else if (dtype == DType::kFloat16) {
      taps[graph][values[slot]] = {static_cast<int64_t>(slot), kObserveHalfOp};
    } else {
      unobserved.push_back(values[slot]);
    }
  }
  return taps;
}

// Axis 0 of all inputs is open, so that the caller may stack samples there.
bool stacks_samples(const std::vector<const ValueInfo*>& inputs) {
  return std::ranges::all_of(inputs, [](const ValueInfo* input) {
    return input->has_shape && !input->shape.empty() && input->shape[0] < 0;
  });
}

Node begin_node(const Graph& graph, const std::vector<std::string>& values,
                const std::vector<Shape>& shapes, const InstrumentGraphOptions& options,
                NameScope& names) {
  std::set<std::string> defaults;
  for (const Constant& constant : graph.initializers) {
    defaults.insert(constant.name);
  }
  std::vector<const ValueInfo*> inputs;
  for (const ValueInfo& input : graph.inputs) {
    const bool state =
        std::ranges::find(options.states, input.name, &StateLink::input) != options.states.end();
    if (!defaults.contains(input.name) && !state && input.dtype != DType::kUndefined) {
      inputs.push_back(&input);
    }
  }
  if (inputs.empty()) {
    throw Error(ErrorCode::kInput,
                "the model has no tensor as its input, so that no sample of "
                "production could be told from another");
  }
  std::vector<std::string> input_names;
  for (const ValueInfo* input : inputs) {
    input_names.push_back(input->name);
  }
  int64_t mask = -1;
  bool tokens_vary = false;
  if (!options.mask_input.empty()) {
    const auto found = std::ranges::find(inputs, options.mask_input, &ValueInfo::name);
    if (found == inputs.end()) {
      throw Error(ErrorCode::kUsage, fmt::format("--mask-input: the model has no input '{}'; see "
                                                 "`ptq inspect` for its inputs",
                                                 printable(options.mask_input)));
    }
    mask = found - inputs.begin();
    tokens_vary = (*found)->shape.size() < 2 || (*found)->shape[1] < 0;
  }
  Node begin = observe_node(kBeginRunOp, input_names,
                            {names.unique("ptq_token"), names.unique("ptq_counted")},
                            names.unique("ptq_begin_run"));
  begin.set_attribute("model", options.fingerprint);
  begin.set_attribute("settings", options.settings);
  begin.set_attribute("file", options.stats_file);
  begin.set_attribute("values", pack_texts(values));
  begin.set_attribute("inputs", pack_texts(input_names));
  begin.set_attribute("every", static_cast<int64_t>(options.every));
  begin.set_attribute("rows", static_cast<int64_t>(stacks_samples(inputs) ? 1 : 0));
  begin.set_attribute("mask", mask);
  if (mask >= 0) {
    begin.set_attribute("shapes", pack_shapes(shapes));
    begin.set_attribute("tokens_vary", static_cast<int64_t>(tokens_vary ? 1 : 0));
  }
  return begin;
}

}  // namespace

std::vector<std::string> values_not_in(const Model& model, const std::vector<std::string>& values) {
  const ModelIndex index(model.graph);
  std::vector<std::string> missing;
  for (const std::string& value : values) {
    size_t places = index[0].is_graph_input(value) ? 1 : 0;
    for (size_t k = 0; k < index.size(); ++k) {
      const bool here =
          index[k].producer(value) != nullptr || (k > 0 && index[k].is_graph_input(value));
      places += here && !index.is_foreign(k) ? 1U : 0U;
    }
    if (places != 1) {
      missing.push_back(value);
    }
  }
  return missing;
}

Model instrument_graph(const Model& model, const std::vector<std::string>& values,
                       const InstrumentGraphOptions& options,
                       std::vector<std::string>& unobserved) {
  std::vector<Shape> shapes;
  const std::vector<Taps> taps = find_taps(model, values, unobserved, shapes);
  Model out = model;
  out.graph = copy_graph(model.graph);
  drop_constant_inputs(out);
  NameScope names(out.graph);
  const Node begin = begin_node(out.graph, values, shapes, options, names);
  Model observed = out;
  observed.graph = copy_graph(out.graph);
  observe_model(observed, taps, begin.outputs[0], names);
  // What is no tensor has a type that an If cannot be given here.
  const bool tensors_only = std::ranges::all_of(model.graph.outputs, [](const ValueInfo& output) {
    return output.dtype != DType::kUndefined;
  });
  if (options.every > 1 && tensors_only) {
    make_branches(out, std::move(observed.graph), begin.outputs[1], names);
    make_names_unique(out.graph);
  } else {
    out = std::move(observed);
  }
  out.graph.nodes.insert(out.graph.nodes.begin(), begin);
  out.set_opset(kObserveDomain, 1);
  out.path = model.path;
  return out;
}

bool is_instrumented(const Graph& main) {
  return std::ranges::any_of(main.nodes,
                             [](const Node& node) { return node.domain == kObserveDomain; });
}

}  // namespace ptq
