#include "transform/channel_affine.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>

#include "transform/walk.h"

namespace ptq {
namespace {

// What one fold does to the graph. Made while the index is valid, carried out afterwards.
struct FoldEdit {
  size_t linear_position = 0;
  std::vector<size_t> follower_positions;
  Tensor weight;
  bool weight_is_shared = false;
  std::optional<Tensor> bias;
  bool bias_is_shared = false;
};

const Tensor* fixed_floats(const GraphIndex& index, std::string_view value) {
  const Constant* constant = index.fixed_constant(value);
  return constant != nullptr && constant->tensor.dtype() == DType::kFloat ? &constant->tensor
                                                                          : nullptr;
}

// One value, or one a column: [], [1], [n], [1,1], [1,n].
bool is_row(const Shape& shape, int64_t channels) {
  if (shape.empty()) {
    return true;
  }
  return shape.size() <= 2 && (shape.size() == 1 || shape[0] == 1) &&
         (shape.back() == 1 || shape.back() == channels);
}

// Output channel axis and count from the shape of the weight; channels 0 when the shape is not one
// that the operator may have.
void set_channels(const Node& node, LinearNode& linear) {
  const Shape& shape = linear.weight->tensor.shape();
  linear.output_rank = static_cast<int64_t>(shape.size());
  if (node.is("Gemm")) {
    linear.channels = shape.size() != 2 ? 0 : shape[node.int_attribute("transB", 0) != 0 ? 0 : 1];
  } else if (node.is("MatMul")) {
    linear.channels = shape.size() != 2 ? 0 : shape[1];
  } else if (shape.size() >= 3 && node.is("Conv")) {
    linear.channels = shape[0];
  } else if (shape.size() >= 3) {
    const int64_t groups = node.int_attribute("group", 1);
    const bool divides = groups >= 1 && groups <= shape[0] && shape[0] % groups == 0;
    linear.channels = divides ? shape[1] * groups : 0;
  }
}

// For each element of the weight, in storage order, calls use(element, channel).
template <typename Use>
void for_each_weight(const Node& node, const LinearNode& linear, Use use) {
  const Shape& shape = linear.weight->tensor.shape();
  const int64_t size = linear.weight->tensor.size();
  int64_t inner = 1;                   // elements between two steps of the channel
  int64_t channels = linear.channels;  // channels that one walk along the channel axis meets
  int64_t group_rows = 0;              // ConvTranspose: input channels a group
  if (node.is("Conv")) {
    inner = size / shape[0];
  } else if (node.is("ConvTranspose")) {
    channels = shape[1];
    inner = size / (shape[0] * shape[1]);
    group_rows = shape[0] / node.int_attribute("group", 1);
  } else if (node.is("Gemm") && node.int_attribute("transB", 0) != 0) {
    inner = shape[1];
  }
  for (int64_t element = 0; element < size; ++element) {
    const int64_t step = element / inner;
    int64_t channel = step % channels;
    if (group_rows > 0) {
      channel += step / channels / group_rows * channels;
    }
    use(static_cast<size_t>(element), static_cast<size_t>(channel));
  }
}

bool all_finite(const Tensor& tensor) {
  const std::span<const float> values = tensor.data<float>();
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

Tensor scaled_weight(const Node& node, const LinearNode& linear, const ChannelAffine& affine) {
  Tensor out(DType::kFloat, linear.weight->tensor.shape());
  const std::span<const float> from = linear.weight->tensor.data<float>();
  const std::span<float> to = out.mutable_data<float>();
  for_each_weight(node, linear, [&](size_t element, size_t channel) {
    to[element] = static_cast<float>(from[element] * affine.scale[channel]);
  });
  return out;
}

// beta · C · scale + shift; beta is 1 for all but Gemm.
Tensor shifted_bias(const Node& node, const LinearNode& linear, const ChannelAffine& affine) {
  Tensor out(DType::kFloat, {linear.channels});
  const std::span<float> to = out.mutable_data<float>();
  const double beta = node.is("Gemm") ? node.float_attribute("beta", 1.0F) : 1.0F;
  for (size_t channel = 0; channel < to.size(); ++channel) {
    double bias = 0.0;
    if (linear.bias != nullptr) {
      const std::span<const float> from = linear.bias->tensor.data<float>();
      bias = beta * from[from.size() == 1 ? 0 : channel];
    }
    to[channel] = static_cast<float>(bias * affine.scale[channel] + affine.shift[channel]);
  }
  return out;
}

bool is_shared(const GraphIndex& index, std::string_view value) {
  return index.uses(value).size() != 1 || index.is_graph_output(value);
}

std::optional<FoldEdit> make_edit(const GraphIndex& index, const AffineFollower& follower,
                                  Notes& notes) {
  const LinearNode& linear = follower.linear;
  const Node& node = index.graph().nodes[linear.position];
  FoldEdit edit;
  edit.linear_position = linear.position;
  edit.follower_positions = follower.positions;
  edit.weight = scaled_weight(node, linear, follower.affine);
  edit.weight_is_shared = is_shared(index, linear.weight->name);
  const auto is_zero = [](double shift) { return shift == 0.0; };
  const std::vector<double>& shift = follower.affine.shift;
  if (linear.bias != nullptr || !std::all_of(shift.begin(), shift.end(), is_zero)) {
    edit.bias = shifted_bias(node, linear, follower.affine);
    edit.bias_is_shared = linear.bias == nullptr || is_shared(index, linear.bias->name);
  }
  const bool was_finite = all_finite(linear.weight->tensor) &&
                          (linear.bias == nullptr || all_finite(linear.bias->tensor));
  if (was_finite && (!all_finite(edit.weight) || (edit.bias && !all_finite(*edit.bias)))) {
    notes.push_back(node_text(index.graph().nodes[follower.positions.back()]) +
                    " not folded into " + node_text(node) +
                    ": the weights would leave the range of float32");
    return std::nullopt;
  }
  return edit;
}

void put_constant(Graph& graph, NameScope& names, Node& node, size_t slot, bool as_new,
                  Tensor tensor) {
  if (!as_new) {
    find_constant(graph, node.inputs[slot])->tensor = std::move(tensor);
    return;
  }
  const std::string_view old_name = node.input(slot);
  const std::string base = old_name.empty() ? node.inputs[1] + "_bias" : std::string(old_name);
  if (node.inputs.size() <= slot) {
    node.inputs.resize(slot + 1);
  }
  node.inputs[slot] = names.unique(base);
  graph.initializers.push_back({node.inputs[slot], std::move(tensor), {}});
}

void carry_out(Graph& graph, NameScope& names, FoldEdit& edit) {
  Node& node = graph.nodes[edit.linear_position];
  put_constant(graph, names, node, 1, edit.weight_is_shared, std::move(edit.weight));
  if (edit.bias) {
    if (node.is("MatMul")) {
      node.op_type = "Gemm";
    }
    put_constant(graph, names, node, 2, edit.bias_is_shared, std::move(*edit.bias));
    node.erase_attribute("beta");
  }
  node.outputs[0] = graph.nodes[edit.follower_positions.back()].outputs[0];
}

}  // namespace

LinearMatch match_linear(const GraphIndex& index, size_t position) {
  const Node& node = index.graph().nodes[position];
  const bool is_linear =
      node.is("Conv") || node.is("ConvTranspose") || node.is("Gemm") || node.is("MatMul");
  if (!is_linear || node.outputs.size() != 1) {
    return {};
  }
  LinearNode linear{.position = position, .weight = index.fixed_constant(node.input(1))};
  if (linear.weight == nullptr || linear.weight->tensor.dtype() != DType::kFloat) {
    return {std::nullopt, "its weight is no fixed float32 constant"};
  }
  set_channels(node, linear);
  if (linear.channels <= 0 || linear.weight->tensor.size() == 0) {
    return {std::nullopt,
            "the shape of its weight is " + shape_text(linear.weight->tensor.shape())};
  }
  if (node.is("MatMul")) {
    const Shape* shape = index.shape(node.outputs[0]);
    if (shape == nullptr || shape->size() != 2) {
      return {std::nullopt, "its output is no matrix"};
    }
  } else if (!node.input(2).empty()) {
    linear.bias = index.fixed_constant(node.input(2));
    if (linear.bias == nullptr || linear.bias->tensor.dtype() != DType::kFloat ||
        !is_row(linear.bias->tensor.shape(), linear.channels)) {
      return {std::nullopt, "its bias is no fixed float32 row"};
    }
  }
  return {linear, {}};
}

std::optional<ElementwiseAffine> match_elementwise(const GraphIndex& index, size_t position,
                                                   int64_t rank, int64_t channels) {
  const Node& node = index.graph().nodes[position];
  const bool is_sum = node.is("Add") || node.is("Sub");
  if (!(is_sum || node.is("Mul") || node.is("Div")) || node.inputs.size() != 2 ||
      node.outputs.size() != 1) {
    return std::nullopt;
  }
  const bool constant_first = index.fixed_constant(node.inputs[0]) != nullptr;
  const Tensor* constant = fixed_floats(index, node.inputs[constant_first ? 0 : 1]);
  if (constant == nullptr || (constant_first && node.is("Div")) || constant->rank() > rank) {
    return std::nullopt;
  }
  // Aligned at the last axis, as broadcasting is: axis 1 of the output is this one of the constant.
  const int64_t channel_axis = constant->rank() - rank + 1;
  for (int64_t axis = 0; axis < constant->rank(); ++axis) {
    const int64_t dim = constant->shape()[static_cast<size_t>(axis)];
    if (dim != 1 && (axis != channel_axis || dim != channels)) {
      return std::nullopt;
    }
  }
  const std::span<const float> values = constant->data<float>();
  ElementwiseAffine out;
  out.data = node.inputs[constant_first ? 1 : 0];
  for (size_t channel = 0; channel < static_cast<size_t>(channels); ++channel) {
    const double value = values[values.size() == 1 ? 0 : channel];
    const double sign = node.is("Sub") ? -1.0 : 1.0;
    double scale = 1.0;
    if (!is_sum) {
      scale = node.is("Div") ? 1.0 / value : value;
    } else if (constant_first) {
      scale = sign;
    }
    const double shift = !is_sum ? 0.0 : constant_first ? value : sign * value;
    out.affine.scale.push_back(scale);
    out.affine.shift.push_back(shift);
  }
  return out;
}

int64_t fold_followers(Graph& graph, NameScope& names, const MatchFollower& match, Notes& notes) {
  const size_t notes_before = notes.size();
  int64_t changes = 0;
  for (;;) {
    notes.resize(notes_before);  // only the last round knows what really stays
    std::vector<FoldEdit> edits;
    std::set<size_t> busy;  // linear nodes that this round changes already
    {
      const GraphIndex index(graph);
      for (size_t position = 0; position < graph.nodes.size(); ++position) {
        const std::optional<AffineFollower> follower = match(index, position, notes);
        if (!follower || !busy.insert(follower->linear.position).second) {
          continue;
        }
        if (std::optional<FoldEdit> edit = make_edit(index, *follower, notes)) {
          edits.push_back(std::move(*edit));
        }
      }
    }
    if (edits.empty()) {
      return changes;
    }
    std::set<size_t> gone;
    for (FoldEdit& edit : edits) {
      carry_out(graph, names, edit);
      gone.insert(edit.follower_positions.begin(), edit.follower_positions.end());
      changes += static_cast<int64_t>(edit.follower_positions.size());
    }
    erase_nodes(graph, gone);
  }
}

}  // namespace ptq
