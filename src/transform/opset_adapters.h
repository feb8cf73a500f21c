#pragma once
// What each standard operator needs to move from opset 7…12 to opset 13. Used by raise_opset.cpp.
// One thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graph/edit.h"
#include "graph/index.h"
#include "ptq/graph.h"

namespace ptq {

// One node on its way. The adapter appends to `nodes` what replaces the node.
struct OpsetMove {
  int64_t from = 0;                              // opset of the model, 7…12
  const std::vector<const GraphIndex*>& scopes;  // the node's graph first, then those around it
  NameScope& names;                              // of the whole model
  std::vector<Node>& nodes;
  std::vector<Constant>& constants;  // new initializers of the node's graph

  // Value of a constant seen from the node's graph; nullptr when it is none.
  const Tensor* constant(std::string_view value) const;
  // Shape, -1 for an unknown dimension; nullptr when not even the rank is known.
  const Shape* shape(std::string_view value) const;
  DType dtype(std::string_view value) const;
  // A new initializer; returns its name, made from the node's first output and `role`.
  std::string add_constant(const Node& node, std::string_view role, Tensor tensor);
};

// Returns why the node cannot move, or an empty string.
using OpsetAdapter = std::string (*)(OpsetMove& move, Node node);

// Adapters of single operators.
std::string move_axes_to_input(OpsetMove& move, Node node);       // Squeeze, Unsqueeze, ReduceSum
std::string move_split_to_input(OpsetMove& move, Node node);      // Split
std::string move_clip_to_inputs(OpsetMove& move, Node node);      // Clip
std::string move_pad_to_inputs(OpsetMove& move, Node node);       // Pad
std::string move_slice_to_inputs(OpsetMove& move, Node node);     // Slice
std::string move_k_to_input(OpsetMove& move, Node node);          // TopK
std::string move_ratio_to_input(OpsetMove& move, Node node);      // Dropout
std::string turn_upsample_to_resize(OpsetMove& move, Node node);  // Upsample
std::string move_resize(OpsetMove& move, Node node);              // Resize
std::string rename_scatter(OpsetMove& move, Node node);           // Scatter
std::string move_softmax(OpsetMove& move, Node node);             // Softmax, LogSoftmax, Hardmax
std::string drop_spatial(OpsetMove& move, Node node);             // BatchNormalization
std::string refuse_old_scan(OpsetMove& move, Node node);          // Scan

// The row of the table for a standard operator. `known` is false for one that is not in the table;
// a known operator without adapter means the same in opset 13.
struct OpsetRow {
  bool known = false;
  OpsetAdapter adapter = nullptr;
};
OpsetRow opset_row(std::string_view op_type);

}  // namespace ptq
