// What depends on constants alone is computed once, so that the weight of a MatMul or Conv is a
// constant at its input whatever chain the exporter left before it:
//
//   (W half) ─▶ Cast ─▶ Transpose ─▶ Mul(s) ─▶ MatMul          (W' float) ─▶ MatMul
//
// A node is computed by the runtime, in a model of one node whose inputs are the constants, so the
// values are those that the runtime would use. Only operators of the table below are computed: they
// are deterministic, have no inner graphs, and the size of their result is known before: a small
// file must not become a large one.

#include <algorithm>
#include <array>
#include <limits>
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
#include "transform/passes.h"
#include "transform/walk.h"

namespace ptq {
namespace {

constexpr int64_t kSmallBytes = int64_t{64} << 20;
constexpr int64_t kMaxGrowth =
    2;  // a larger result may have this many times the bytes of the inputs

// How many elements a result has at most.
enum class ResultSize { kFirstInput, kBroadcast, kSumOfInputs, kGather, kMatrix };

struct FoldRow {
  std::string_view op_type;
  ResultSize size = ResultSize::kFirstInput;
};

constexpr auto kTable = std::to_array<FoldRow>({
    {"Abs"},
    {"Add", ResultSize::kBroadcast},
    {"Cast"},
    {"Ceil"},
    {"Clip"},
    {"Concat", ResultSize::kSumOfInputs},
    {"Div", ResultSize::kBroadcast},
    {"Erf"},
    {"Exp"},
    {"Flatten"},
    {"Floor"},
    {"Gather", ResultSize::kGather},
    {"Identity"},
    {"Log"},
    {"MatMul", ResultSize::kMatrix},
    {"Max", ResultSize::kBroadcast},
    {"Min", ResultSize::kBroadcast},
    {"Mul", ResultSize::kBroadcast},
    {"Neg"},
    {"Pow", ResultSize::kBroadcast},
    {"Reciprocal"},
    {"ReduceMax"},
    {"ReduceMean"},
    {"ReduceMin"},
    {"ReduceSum"},
    {"Reshape"},
    {"Sigmoid"},
    {"Slice"},
    {"Split"},
    {"Sqrt"},
    {"Squeeze"},
    {"Sub", ResultSize::kBroadcast},
    {"Tanh"},
    {"Transpose"},
    {"Unsqueeze"},
    {"Where", ResultSize::kBroadcast},
});

using Constants = std::unordered_map<std::string, Tensor>;

int64_t saturating_product(int64_t a, int64_t b) {
  return b != 0 && a > std::numeric_limits<int64_t>::max() / b ? std::numeric_limits<int64_t>::max()
                                                               : a * b;
}

int64_t broadcast_size(const std::vector<const Tensor*>& inputs) {
  Shape shape;
  for (const Tensor* input : inputs) {
    const Shape& own = input->shape();
    if (own.size() > shape.size()) {
      shape.insert(shape.begin(), own.size() - shape.size(), 1);
    }
    for (size_t i = 0; i < own.size(); ++i) {
      int64_t& dim = shape[shape.size() - own.size() + i];
      dim = std::max(dim, own[i]);
    }
  }
  int64_t size = 1;
  for (const int64_t dim : shape) {
    size = saturating_product(size, dim);
  }
  return size;
}

// Upper bound of the elements of the result; nothing for shapes that the operator does not take.
std::optional<int64_t> result_size(ResultSize rule, const Node& node,
                                   const std::vector<const Tensor*>& inputs) {
  const Tensor& first = *inputs.front();
  switch (rule) {
    case ResultSize::kFirstInput:
      return first.size();
    case ResultSize::kBroadcast:
      return broadcast_size(inputs);
    case ResultSize::kSumOfInputs: {
      int64_t sum = 0;
      for (const Tensor* input : inputs) {
        sum += input->size();
      }
      return sum;
    }
    case ResultSize::kGather: {
      int64_t axis = node.int_attribute("axis", 0);
      axis += axis < 0 ? first.rank() : 0;
      if (inputs.size() != 2 || axis < 0 || axis >= first.rank()) {
        return std::nullopt;
      }
      const int64_t rows = first.shape()[static_cast<size_t>(axis)];
      return rows == 0 ? 0 : saturating_product(first.size() / rows, inputs[1]->size());
    }
    case ResultSize::kMatrix:
      if (inputs.size() != 2 || first.rank() != 2 || inputs[1]->rank() != 2) {
        return std::nullopt;
      }
      return saturating_product(first.shape()[0], inputs[1]->shape()[1]);
  }
  return std::nullopt;
}

// The runtime divides integers without a check, and the processor traps.
bool may_trap(const Node& node, const std::vector<const Tensor*>& inputs) {
  if (!node.is("Div") || inputs.size() != 2) {
    return false;
  }
  const Tensor& divisor = *inputs[1];
  if (divisor.dtype() == DType::kFloat || divisor.dtype() == DType::kDouble ||
      divisor.dtype() == DType::kFloat16 || divisor.dtype() == DType::kBfloat16) {
    return false;
  }
  if (divisor.dtype() == DType::kUint64) {
    return true;
  }
  const std::vector<int64_t> values = to_int64s(divisor);
  return std::any_of(values.begin(), values.end(), [](int64_t v) { return v == 0 || v == -1; });
}

// The constants that the node reads, in order, without absent inputs; empty when it reads anything
// else or may not be computed.
std::vector<const Tensor*> foldable_inputs(const Node& node, const Constants& constants) {
  const auto row = std::find_if(kTable.begin(), kTable.end(),
                                [&](const FoldRow& r) { return r.op_type == node.op_type; });
  if (row == kTable.end() || !node.domain.empty()) {
    return {};
  }
  std::vector<const Tensor*> inputs;
  int64_t bytes = 0;
  for (const std::string& name : node.inputs) {
    if (name.empty()) {
      continue;
    }
    const auto found = constants.find(name);
    if (found == constants.end()) {
      return {};
    }
    inputs.push_back(&found->second);
    bytes += static_cast<int64_t>(found->second.bytes().size());
  }
  if (inputs.empty() || may_trap(node, inputs)) {
    return {};
  }
  // 8 bytes an element: Cast may widen.
  const std::optional<int64_t> size = result_size(row->size, node, inputs);
  const int64_t width = node.is("Cast") ? 8 : std::max(1, bit_width(inputs.back()->dtype()) / 8);
  const bool fits =
      size && (saturating_product(*size, 8) <= kSmallBytes ||
               saturating_product(*size, width) <= saturating_product(bytes, kMaxGrowth));
  return fits ? inputs : std::vector<const Tensor*>{};
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

int64_t fold(const Model& model, Graph& graph, Notes& notes) {
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
    if (is_output || foldable_inputs(node, constants).empty()) {
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
  }
  erase_nodes(graph, folded);
  return static_cast<int64_t>(folded.size());
}

}  // namespace

int64_t fold_constants(Model& model, Notes& notes) {
  int64_t changes = 0;
  for_each_graph(model.graph, [&](Graph& graph) { changes += fold(model, graph, notes); });
  return changes;
}

}  // namespace ptq
