// A Pad of zeros over the spatial dimensions becomes part of the padding of the Conv that alone
// reads it. Conv pads with zeros of its own, so nothing is computed differently.
//
//   x ─▶ Pad(0; H, W) ─▶ Conv(pads p)              x ─▶ Conv(pads p + Pad's)
//
// Left alone: other modes and values, padding of the batch or channel dimension, negative padding
// (a crop), amounts that are not constant, and a Conv with auto_pad, whose own amounts depend on
// the padded size.

#include <algorithm>
#include <set>

#include "graph/edit.h"
#include "graph/index.h"
#include "transform/passes.h"
#include "transform/walk.h"

namespace ptq {
namespace {

// Amounts as Conv wants them, [begin …, end …] over the spatial dimensions, or empty.
std::vector<int64_t> spatial_pads(const GraphIndex& index, const Node& pad) {
  const Constant* amounts = index.fixed_constant(pad.input(1));
  if (!pad.is("Pad") || pad.string_attribute("mode", "constant") != "constant" ||
      amounts == nullptr || !pad.input(3).empty()) {
    return {};
  }
  if (!pad.input(2).empty()) {
    const Constant* value = index.fixed_constant(pad.input(2));
    if (value == nullptr || value->tensor.size() != 1 || to_floats(value->tensor)[0] != 0.0F) {
      return {};
    }
  }
  const std::vector<int64_t> all = to_int64s(amounts->tensor);
  const size_t rank = all.size() / 2;
  if (rank < 3 || std::ranges::any_of(all, [](int64_t n) { return n < 0; }) || all[0] != 0 ||
      all[1] != 0 || all[rank] != 0 || all[rank + 1] != 0) {
    return {};
  }
  std::vector<int64_t> pads(all.begin() + 2, all.begin() + static_cast<ptrdiff_t>(rank));
  pads.insert(pads.end(), all.begin() + static_cast<ptrdiff_t>(rank) + 2, all.end());
  return pads;
}

bool takes_pads(const GraphIndex& index, const Node& conv, const Node& pad, size_t amounts) {
  const std::string auto_pad = conv.string_attribute("auto_pad", "NOTSET");
  const std::vector<int64_t> own = conv.ints_attribute("pads");
  return conv.is("Conv") && conv.input(0) == pad.outputs[0] &&
         (auto_pad == "NOTSET" || (auto_pad == "VALID" && own.empty())) &&
         (own.empty() || own.size() == amounts) && index.only_consumer(pad.outputs[0]) == &conv;
}

int64_t fold(Graph& graph) {
  const GraphIndex index(graph);
  std::set<size_t> folded;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& pad = graph.nodes[i];
    std::vector<int64_t> pads = spatial_pads(index, pad);
    if (pads.empty() || pad.outputs.empty()) {
      continue;
    }
    const Node* reader = index.only_consumer(pad.outputs[0]);
    if (reader == nullptr || !takes_pads(index, *reader, pad, pads.size())) {
      continue;
    }
    Node& conv = graph.nodes[static_cast<size_t>(reader - graph.nodes.data())];
    const std::vector<int64_t> own = conv.ints_attribute("pads");
    for (size_t k = 0; k < own.size(); ++k) {
      pads[k] += own[k];
    }
    conv.erase_attribute("auto_pad");
    conv.set_attribute("pads", std::move(pads));
    conv.inputs[0] = pad.inputs[0];
    folded.insert(i);
  }
  erase_nodes(graph, folded);
  return static_cast<int64_t>(folded.size());
}

}  // namespace

int64_t fold_pad(Model& model, Notes& /*notes*/) {
  int64_t changes = 0;
  for_each_graph(model.graph, [&](Graph& graph) { changes += fold(graph); });
  return changes;
}

}  // namespace ptq
