#include "pipeline/sized_graph.h"

#include <algorithm>

#include "onnx_io/infer_shapes.h"

namespace ptq {
namespace {

bool is_open(const ValueInfo& info) {
  return !info.has_shape || std::ranges::any_of(info.shape, [](int64_t size) { return size < 0; });
}

void close(ValueInfo& input, const std::map<std::string, Shape>& shapes) {
  const auto given = shapes.find(input.name);
  if (given != shapes.end()) {
    input.has_shape = true;
    input.shape = given->second;
  } else if (input.has_shape && !input.shape.empty() && input.shape[0] < 0) {
    input.shape[0] = 1;
  }
  input.symbols.assign(input.shape.size(), "");
  input.verbatim.clear();
}

}  // namespace

Graph sized_graph(const Model& model, const std::map<std::string, Shape>& shapes) {
  Model sized = model;
  for (ValueInfo& input : sized.graph.inputs) {
    if (is_open(input)) {
      close(input, shapes);
    }
  }
  sized.graph.outputs.clear();      // their declarations would hide what inference finds
  sized.graph.value_infos.clear();  // hints that may name the open dimensions
  infer_shapes(sized);
  return std::move(sized.graph);
}

}  // namespace ptq
