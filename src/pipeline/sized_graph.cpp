#include "pipeline/sized_graph.h"

#include <algorithm>
#include <set>

#include "graph/index.h"
#include "graph/macs.h"
#include "onnx_io/infer_shapes.h"
#include "runtime/model_session.h"

namespace ptq {
namespace {

bool is_open(const ValueInfo& info) {
  return !info.has_shape || std::ranges::any_of(info.shape, [](int64_t size) { return size < 0; });
}

void close(ValueInfo& input, const std::map<std::string, Tensor>& sample) {
  const auto given = sample.find(input.name);
  if (given != sample.end()) {
    input.has_shape = true;
    input.shape = given->second.shape();
  } else if (input.has_shape && !input.shape.empty() && input.shape[0] < 0) {
    input.shape[0] = 1;
  }
  input.symbols.assign(input.shape.size(), "");
  input.verbatim.clear();
}

// Operands and results of the products of the main graph whose work is not known.
std::set<std::string> values_to_size(const Graph& graph) {
  const GraphIndex index(graph);
  std::set<std::string> values;
  for (const Node& node : graph.nodes) {
    const bool holds_graphs = std::ranges::any_of(
        node.attributes, [](const Attribute& attribute) { return !attribute.graphs.empty(); });
    if (holds_graphs || multiply_accumulates(node, index)) {
      continue;
    }
    for (const auto* names : {&node.inputs, &node.outputs}) {
      for (const std::string& name : *names) {
        if (index.producer(name) != nullptr && index.dtype(name) != DType::kUndefined) {
          values.insert(name);
        }
      }
    }
  }
  return values;
}

// Declares `values` with the shapes that they have in a run of `model` on `sample`.
void measure_shapes(const Model& model, const std::set<std::string>& values,
                    const std::map<std::string, Tensor>& sample, Graph& sized) {
  Model exposed = model;
  exposed.graph.outputs.clear();
  const GraphIndex index(sized);
  for (const std::string& value : values) {
    exposed.graph.outputs.push_back({.name = value, .dtype = index.dtype(value)});
  }
  const Session session = open_session(exposed, {});
  const std::vector<Tensor> results = session.run(sample);
  std::erase_if(sized.value_infos,
                [&](const ValueInfo& info) { return values.contains(info.name); });
  for (size_t i = 0; i < results.size(); ++i) {
    const ValueInfo& output = session.outputs()[i];
    sized.value_infos.push_back({.name = output.name,
                                 .dtype = output.dtype,
                                 .has_shape = true,
                                 .shape = results[i].shape(),
                                 .symbols = std::vector<std::string>(results[i].shape().size())});
  }
}

}  // namespace

Graph sized_graph(const Model& model, const std::map<std::string, Tensor>& sample) {
  Model sized = model;
  for (ValueInfo& input : sized.graph.inputs) {
    if (is_open(input)) {
      close(input, sample);
    }
  }
  sized.graph.outputs.clear();      // their declarations would hide what inference finds
  sized.graph.value_infos.clear();  // hints that may name the open dimensions
  infer_shapes(sized);
  const std::set<std::string> values = values_to_size(sized.graph);
  if (!values.empty() && !sample.empty()) {
    measure_shapes(model, values, sample, sized.graph);
  }
  return std::move(sized.graph);
}

}  // namespace ptq
