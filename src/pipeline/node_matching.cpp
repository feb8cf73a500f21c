#include "pipeline/node_matching.h"

#include <charconv>

#include <fmt/format.h>

#include "pipeline/optimized_kernels.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr std::string_view kMark = "ptq.";
constexpr std::string_view kBlocked = "_nchwc";

bool is_activation(const Node& node) {
  const OpRule* rule = find_op_rule(node);
  return rule != nullptr && rule->op_class == OpClass::kActivation;
}

bool is_pair(const Node& node) {
  return is_quantize(node) || is_dequantize(node);
}

// Who reads `value` as float, or "".
std::string float_reader(const GraphIndex& index, const std::string& value) {
  if (index.is_graph_output(value)) {
    return "the caller of the graph";
  }
  for (const GraphIndex::Use& use : index.uses(value)) {
    const Node& reader = index.graph().nodes[use.node];
    if (!is_quantize(reader) && !is_activation(reader)) {
      return "a " + printable(reader.op_type, 40);
    }
  }
  return "";
}

}  // namespace

Model mark_nodes(const Model& quantized) {
  Model marked = quantized;
  marked.graph = copy_graph(quantized.graph);
  size_t count = 0;
  for (Graph* const graph : all_graphs(marked.graph)) {
    for (Node& node : graph->nodes) {
      node.name = fmt::format("{}{}.", kMark, count++);
    }
  }
  return marked;
}

size_t node_mark(const Node& node) {
  for (size_t at = node.name.find(kMark); at != std::string::npos;
       at = node.name.find(kMark, at + 1)) {
    const char* const begin = node.name.data() + at + kMark.size();
    const char* const end = node.name.data() + node.name.size();
    size_t position = 0;
    const auto [rest, error] = std::from_chars(begin, end, position);
    if (error == std::errc() && rest != end && *rest == '.') {
      return position;
    }
  }
  return GraphIndex::npos;
}

NodeMatching::NodeMatching(const ModelIndex& quantized, const ModelIndex& optimized)
    : file_(quantized) {
  size_t total = 0;
  for (size_t k = 0; k < quantized.size(); ++k) {
    first_.push_back(total);
    total += quantized[k].graph().nodes.size();
  }
  for (size_t k = 0; k < optimized.size(); ++k) {
    for (const Node& node : optimized[k].graph().nodes) {
      add(node, total);
    }
  }
}

size_t NodeMatching::in_file(size_t graph, const Node& node) const {
  if (node.outputs.empty()) {
    return GraphIndex::npos;
  }
  const GraphIndex& index = file_[graph];
  size_t position = index.producer_position(node.outputs[0]);
  // A graph output keeps its name behind the pair: producer, Q, DQ, name.
  while (position != GraphIndex::npos && is_pair(index.graph().nodes[position])) {
    position = index.producer_position(index.graph().nodes[position].input(0));
  }
  return position == GraphIndex::npos ? position : first_[graph] + position;
}

std::vector<const Node*> NodeMatching::in_optimized(size_t graph, size_t mark) const {
  if (const auto marked = by_mark_.find(mark); marked != by_mark_.end()) {
    return marked->second;
  }
  std::vector<const Node*> found;
  const auto take = [&](std::string_view value) {
    const auto made = by_output_.find(value);
    if (made != by_output_.end()) {
      found.push_back(made->second);
    }
  };
  const std::vector<Node>& nodes = file_[graph].graph().nodes;
  for (const std::string& output : nodes[mark - first_[graph]].outputs) {
    take(output);
    for (const GraphIndex::Use& use : file_[graph].uses(output)) {
      // The codes of the result, or what a Relu fused to the node makes of it.
      if (is_quantize(nodes[use.node]) || is_activation(nodes[use.node])) {
        take(nodes[use.node].outputs.at(0));
      }
    }
  }
  return found;
}

std::string NodeMatching::broken_rule(size_t graph, size_t mark, const OpRule* rule,
                                      const Node& found) const {
  const GraphIndex& index = file_[graph];
  const Node& node = index.graph().nodes[mark - first_[graph]];
  for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
    const Node* producer = index.producer(node.inputs[slot]);
    const bool is_read = rule != nullptr && rule->reads(slot) && !node.inputs[slot].empty();
    if (is_read && (producer == nullptr || !is_dequantize(*producer))) {
      return fmt::format("operand {} ({}) has no DequantizeLinear in front of it", slot,
                         printable(node.inputs[slot], 80));
    }
  }
  if (rule != nullptr && rule->kernel(Engine::kOnnxRuntime) == Kernel::kCodesOut) {
    for (const std::string& output : node.outputs) {
      if (std::string reader = float_reader(index, output); !reader.empty()) {
        return fmt::format(
            "its result {} is also read as float, by {}; the kernel makes codes "
            "only",
            printable(output, 80), reader);
      }
    }
  }
  return fmt::format(
      "all its operands and results are codes in the file, but the runtime made a {} "
      "of it",
      printable(found.op_type, 40));
}

void NodeMatching::add(const Node& node, size_t marks) {
  if (const size_t mark = node_mark(node); mark < marks) {
    by_mark_[mark].push_back(&node);
    return;
  }
  // Operators in the blocked layout are called after the value that they made before it; what
  // only changes the layout or the type is no work of the model.
  if (node.name.ends_with(kBlocked)) {
    by_output_.emplace(node.name.substr(0, node.name.size() - kBlocked.size()), &node);
  }
  if (node.op_type.starts_with("Reorder") || is_pair(node)) {
    return;
  }
  for (const std::string& output : node.outputs) {
    by_output_.emplace(output, &node);
  }
}

}  // namespace ptq
