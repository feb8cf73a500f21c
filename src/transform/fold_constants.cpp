// What depends on constants alone is computed once, so that the weight of a MatMul or Conv is a
// constant at its input whatever chain the exporter left before it:
//
//   (W half) ─▶ Cast ─▶ Transpose ─▶ Mul(s) ─▶ MatMul          (W' float) ─▶ MatMul
//
// A node is computed by the runtime, in a model of one node whose inputs are the constants, so the
// values are those that the runtime would use. fold_rules.h says which operators are computed.

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "graph/edit.h"
#include "onnx_io/write.h"
#include "ptq/error.h"
#include "runtime/session.h"
#include "transform/fold_rules.h"
#include "transform/passes.h"
#include "transform/walk.h"

namespace ptq {
namespace {

// A result may have this many bytes, or twice those of its inputs.
constexpr int64_t kSmallBytes = int64_t{1} << 20;
constexpr int64_t kMaxGrowth = 2;
// All results of a model together may have this many bytes, and these times those of its constants;
// else a chain of nodes that each double their input would still be a bomb.
constexpr int64_t kBudgetBytes = int64_t{64} << 20;
constexpr int64_t kBudgetFactor = 8;

using Constants = std::unordered_map<std::string, Tensor>;

int64_t byte_count(const Tensor& tensor) {
  return static_cast<int64_t>(tensor.bytes().size());
}

// Bytes that computing the node takes at most. Nothing when it reads anything but constants or is
// not to be computed.
std::optional<int64_t> fold_bytes(const Node& node, const Constants& constants) {
  std::vector<const Tensor*> inputs;
  int64_t input_bytes = 0;
  for (const std::string& name : node.inputs) {
    if (name.empty()) {
      continue;
    }
    const auto found = constants.find(name);
    if (found == constants.end()) {
      return std::nullopt;
    }
    inputs.push_back(&found->second);
    input_bytes += byte_count(found->second);
  }
  const std::optional<int64_t> bytes = result_bytes(node, inputs);
  const bool fits = bytes && *bytes <= std::max(kSmallBytes, kMaxGrowth * input_bytes);
  return fits ? bytes : std::nullopt;
}

std::vector<Tensor> compute(const Model& model, const Node& node, const Constants& constants) {
  Model single{.ir_version = model.ir_version, .opset_imports = model.opset_imports};
  single.graph.name = "constant";
  single.graph.nodes = {node};
  std::map<std::string, Tensor> feeds;
  for (const std::string& name : node.inputs) {
    if (name.empty() || feeds.contains(name)) {
      continue;
    }
    const Tensor& tensor = constants.at(name);
    single.graph.inputs.push_back(
        {.name = name, .dtype = tensor.dtype(), .has_shape = true, .shape = tensor.shape()});
    single.graph.inputs.back().symbols.resize(tensor.shape().size());
    feeds.emplace(name, tensor);
  }
  for (const std::string& name : node.outputs) {
    if (!name.empty()) {
      single.graph.outputs.push_back({.name = name});
    }
  }
  SessionOptions options;
  options.level = OptLevel::kNone;
  std::vector<Tensor> results = Session::from_bytes(serialize_model(single), options).run(feeds);
  for (Tensor& result : results) {
    // A copy: the runtime's tensor would keep the session's memory pool alive.
    Tensor own(result.dtype(), result.shape());
    std::ranges::copy(result.bytes(), own.mutable_bytes().begin());
    result = std::move(own);
  }
  return results;
}

int64_t fold(const Model& model, Graph& graph, int64_t& budget, Notes& notes) {
  std::unordered_set<std::string> keep;  // what must come from outside, or from a node
  for (const ValueInfo& input : graph.inputs) {
    keep.insert(input.name);
  }
  for (const ValueInfo& output : graph.outputs) {
    keep.insert(output.name);
  }
  Constants constants;
  for (const Constant& constant : graph.initializers) {
    if (!keep.contains(constant.name) && bit_width(constant.tensor.dtype()) >= 8) {
      constants.emplace(constant.name, constant.tensor);
    }
  }
  std::set<size_t> folded;
  for (size_t position = 0; position < graph.nodes.size(); ++position) {
    const Node& node = graph.nodes[position];
    const bool is_output = std::any_of(node.outputs.begin(), node.outputs.end(),
                                       [&](const std::string& o) { return keep.contains(o); });
    const std::optional<int64_t> bytes = fold_bytes(node, constants);
    if (is_output || !bytes) {
      continue;
    }
    if (*bytes > budget) {
      notes.push_back(node_text(node) + " of constants stays: its result would be too large");
      continue;
    }
    std::vector<Tensor> results;
    try {
      results = compute(model, node, constants);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kRuntime) {
        throw;
      }
      notes.push_back(node_text(node) + " of constants stays: " + error.what());
      continue;
    }
    if (std::ranges::any_of(results, [](const Tensor& r) { return bit_width(r.dtype()) == 0; })) {
      continue;  // an element type that ptq does not compute with
    }
    size_t k = 0;
    for (const std::string& name : node.outputs) {
      if (!name.empty()) {
        constants.emplace(name, results.at(k));
        graph.initializers.push_back({name, std::move(results.at(k)), {}});
        ++k;
      }
    }
    folded.insert(position);
    budget -= *bytes;
  }
  erase_nodes(graph, folded);
  return static_cast<int64_t>(folded.size());
}

}  // namespace

int64_t fold_constants(Model& model, Notes& notes) {
  int64_t budget = kBudgetBytes;
  for_each_graph(model.graph, [&](Graph& graph) {
    for (const Constant& constant : graph.initializers) {
      budget += saturating_product(byte_count(constant.tensor), kBudgetFactor);
    }
  });
  int64_t changes = 0;
  for_each_graph(model.graph, [&](Graph& graph) { changes += fold(model, graph, budget, notes); });
  return changes;
}

}  // namespace ptq
