#include "search/measured_outputs.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "graph/index.h"

namespace ptq {

Model with_measured_outputs(const Model& model) {
  constexpr std::array<std::string_view, 3> kClosing = {"Softmax", "LogSoftmax", "Sigmoid"};
  Model copy = model;
  const GraphIndex index(model.graph);
  copy.graph.outputs.clear();
  for (const ValueInfo& output : model.graph.outputs) {
    const Node* producer = index.producer(output.name);
    ValueInfo measured = output;
    if (producer != nullptr && producer->domain.empty() &&
        std::ranges::find(kClosing, producer->op_type) != kClosing.end() &&
        index.producer(producer->input(0)) != nullptr) {
      measured = {.name = std::string(producer->input(0)), .dtype = output.dtype};
    }
    const bool known = std::ranges::find(copy.graph.outputs, measured.name, &ValueInfo::name) !=
                       copy.graph.outputs.end();
    if (!known) {
      copy.graph.outputs.push_back(std::move(measured));
    }
  }
  return copy;
}

}  // namespace ptq
