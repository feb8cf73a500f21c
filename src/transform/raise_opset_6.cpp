// Opset 7 gave binary operators the broadcasting of numpy and took the training switch from
// BatchNormalization and Dropout (change log of ONNX operators).
//
//   opset 6: Add{broadcast = 1, axis = 1}(x [N,C,H,W], b [C])
//   opset 7: Add(x, Unsqueeze{axes = 1, 2}(b))

#include "transform/raise_opset_6.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include "graph/model_index.h"
#include "transform/walk.h"

namespace ptq {
namespace {

constexpr std::array<std::string_view, 11> kBinary = {
    "Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor"};

class Mover {
 public:
  Mover(const GraphIndex& index, NameScope& names) : index_(index), names_(names) {}

  // Appends to `out` what replaces the node. Returns why not, or an empty string.
  std::string move(Node node, std::vector<Node>& out) {
    std::string reason;
    if (std::ranges::find(kBinary, node.op_type) != kBinary.end()) {
      reason = move_binary(node, out);
    } else if (node.op_type == "PRelu") {
      reason = move_prelu(node, out);
    } else if (node.op_type == "BatchNormalization" || node.op_type == "Dropout") {
      reason = node.int_attribute("is_test", 0) == 0 ? "it trains (is_test = 0)" : "";
      node.erase_attribute("is_test");
    } else if (node.op_type == "Gemm") {
      node.erase_attribute("broadcast");  // what it allowed is a part of numpy's broadcasting
    } else if (node.op_type == "RNN" || node.op_type == "GRU" || node.op_type == "LSTM") {
      node.erase_attribute("output_sequence");
    } else if (node.op_type == "Upsample") {
      reason = "its scales were attributes of another form";
    }
    out.push_back(std::move(node));
    return reason;
  }

 private:
  // Without `axis` the second operand is aligned at the end, as numpy does.
  std::string move_binary(Node& node, std::vector<Node>& out) {
    const Attribute* axis = node.find_attribute("axis");
    if (node.int_attribute("broadcast", 0) != 0 && axis != nullptr) {
      const Shape* left = index_.shape(node.input(0));
      const Shape* right = index_.shape(node.input(1));
      if (left == nullptr || right == nullptr) {
        return "it broadcasts at an axis, and the rank of an operand is unknown";
      }
      const auto rank = static_cast<int64_t>(left->size());
      const int64_t start = axis->i < 0 ? axis->i + rank : axis->i;
      add_trailing(node, static_cast<int64_t>(right->size()),
                   rank - start - static_cast<int64_t>(right->size()), out);
    }
    node.erase_attribute("axis");
    node.erase_attribute("broadcast");
    return {};
  }

  // One slope a channel, channels on axis 1.
  std::string move_prelu(Node& node, std::vector<Node>& out) {
    const Shape* data = index_.shape(node.input(0));
    const Shape* slope = index_.shape(node.input(1));
    if (data == nullptr || slope == nullptr) {
      return "the rank of an operand is unknown";
    }
    if (slope->size() == 1 && slope->front() != 1) {
      add_trailing(node, 1, static_cast<int64_t>(data->size()) - 2, out);
    }
    return {};
  }

  // Gives the second operand, of `rank` dimensions, `count` more of size 1 at its end.
  void add_trailing(Node& node, int64_t rank, int64_t count, std::vector<Node>& out) {
    if (count <= 0) {
      return;
    }
    std::vector<int64_t> axes(static_cast<size_t>(count));
    std::iota(axes.begin(), axes.end(), rank);
    Node unsqueeze{.name = names_.unique(node.outputs.at(0) + "_Unsqueeze"),
                   .op_type = "Unsqueeze"};
    unsqueeze.inputs = {node.inputs[1]};
    unsqueeze.outputs = {names_.unique(node.inputs[1] + "_aligned")};
    unsqueeze.set_attribute("axes", std::move(axes));
    node.inputs[1] = unsqueeze.outputs[0];
    out.push_back(std::move(unsqueeze));
  }

  const GraphIndex& index_;
  NameScope& names_;
};

}  // namespace

std::string move_from_6_to_7(Model& model, NameScope& names) {
  const ModelIndex index(model.graph);
  const std::vector<Graph*> graphs = all_graphs(model.graph);
  std::vector<std::vector<Node>> moved(graphs.size());
  for (size_t k = 0; k < graphs.size(); ++k) {
    Mover mover(index[k], names);
    for (const Node& node : graphs[k]->nodes) {
      if (!node.domain.empty()) {
        moved[k].push_back(node);
      } else if (const std::string reason = mover.move(node, moved[k]); !reason.empty()) {
        return node_text(node) + " (" + reason + ")";
      }
    }
  }
  for (size_t k = 0; k < graphs.size(); ++k) {  // the index is not used any more
    graphs[k]->nodes = std::move(moved[k]);
  }
  model.set_opset("", 7);
  return {};
}

}  // namespace ptq
