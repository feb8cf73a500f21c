// BatchNormalization, as it is at inference, into the linear operator before it:
//
//   Conv(W, b) ─▶ BatchNormalization(γ, β, μ, σ²) ─▶ y          Conv(W·s, (b − μ)·s + β) ─▶ y
//
// with s = γ / √(σ² + ε) per output channel (Jacob et al. 2018, section 3.2), computed in double
// and rounded once. Likewise ConvTranspose, Gemm, and MatMul or MatMul ─▶ Add(constant), which
// become a Gemm. Stays, with a note: a normalization whose input is used elsewhere or is no linear
// output.

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "onnx_io/infer_shapes.h"
#include "transform/channel_affine.h"
#include "transform/walk.h"

namespace ptq {
namespace {

bool is_inference(const GraphIndex& index, const Node& node) {
  if (!node.is("BatchNormalization") || node.inputs.size() != 5 || node.outputs.empty() ||
      node.int_attribute("training_mode", 0) != 0 || node.int_attribute("spatial", 1) != 1) {
    return false;
  }
  // Before opset 14 more used outputs stand for training.
  return std::all_of(node.outputs.begin() + 1, node.outputs.end(), [&](const std::string& name) {
    return name.empty() || (index.uses(name).empty() && !index.is_graph_output(name));
  });
}

// Empty when a parameter is no fixed float32 constant [C] or the result is not finite.
std::optional<ChannelAffine> normalization(const GraphIndex& index, const Node& node) {
  std::array<std::span<const float>, 4> parameters;  // γ, β, μ, σ²
  for (size_t k = 0; k < 4; ++k) {
    const Constant* constant = index.fixed_constant(node.inputs[k + 1]);
    if (constant == nullptr || constant->tensor.dtype() != DType::kFloat ||
        constant->tensor.rank() != 1) {
      return std::nullopt;
    }
    parameters[k] = constant->tensor.data<float>();
    if (parameters[k].size() != parameters[0].size()) {
      return std::nullopt;
    }
  }
  const double epsilon = node.float_attribute("epsilon", 1e-5F);
  ChannelAffine affine;
  for (size_t channel = 0; channel < parameters[0].size(); ++channel) {
    const double scale = parameters[0][channel] / std::sqrt(parameters[3][channel] + epsilon);
    const double shift = parameters[1][channel] - parameters[2][channel] * scale;
    if (!std::isfinite(scale) || !std::isfinite(shift)) {
      return std::nullopt;
    }
    affine.scale.push_back(scale);
    affine.shift.push_back(shift);
  }
  return affine;
}

// first, then second.
ChannelAffine compose(const ChannelAffine& first, const ChannelAffine& second) {
  ChannelAffine out = second;
  for (size_t channel = 0; channel < out.scale.size(); ++channel) {
    out.scale[channel] = second.scale[channel] * first.scale[channel];
    out.shift[channel] = second.scale[channel] * first.shift[channel] + second.shift[channel];
  }
  return out;
}

std::optional<AffineFollower> match(const GraphIndex& index, size_t position, Notes& notes) {
  const Node& node = index.graph().nodes[position];
  if (!is_inference(index, node)) {
    return std::nullopt;
  }
  const auto stays = [&](const std::string& reason) {
    notes.push_back(node_text(node) + " stays: " + reason);
    return std::nullopt;
  };
  std::optional<ChannelAffine> affine = normalization(index, node);
  if (!affine) {
    return stays("its parameters are no fixed float32 vectors, or the variance is negative");
  }
  const auto channels = static_cast<int64_t>(affine->scale.size());
  AffineFollower follower;
  follower.positions = {position};
  size_t source = index.producer_position(node.inputs[0]);
  if (index.only_consumer(node.inputs[0]) != &node) {
    return stays("its input is used elsewhere, too");
  }
  if (source != GraphIndex::npos) {
    // MatMul has no bias input: its bias is an Add between.
    const std::optional<ElementwiseAffine> between = match_elementwise(index, source, 2, channels);
    const Node* maker = between ? index.producer(between->data) : nullptr;
    if (maker != nullptr && maker->is("MatMul") &&
        index.only_consumer(between->data) == &index.graph().nodes[source]) {
      follower.positions.insert(follower.positions.begin(), source);
      affine = compose(between->affine, *affine);
      source = index.producer_position(between->data);
    }
  }
  if (source == GraphIndex::npos) {
    return stays("nothing linear is before it");
  }
  LinearMatch linear = match_linear(index, source);
  const Node& maker = index.graph().nodes[source];
  if (!linear.linear) {
    return stays(linear.reason.empty() ? "it follows " + node_text(maker)
                                       : "of " + node_text(maker) + ", " + linear.reason);
  }
  if (linear.linear->channels != channels) {
    return stays("it has " + std::to_string(channels) + " channels, " + node_text(maker) + " " +
                 std::to_string(linear.linear->channels));
  }
  follower.linear = *linear.linear;
  follower.affine = std::move(*affine);
  return follower;
}

bool normalizes_matmul(const Graph& graph) {
  const GraphIndex index(graph);
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    const Node* maker = node.is("BatchNormalization") && !node.inputs.empty()
                            ? index.producer(node.inputs[0])
                            : nullptr;
    return maker != nullptr && (maker->is("MatMul") || maker->is("Add"));
  });
}

}  // namespace

int64_t fold_batch_norm(Model& model, Notes& notes) {
  bool needs_shapes = false;
  for_each_graph(model.graph,
                 [&](Graph& graph) { needs_shapes = needs_shapes || normalizes_matmul(graph); });
  if (needs_shapes) {
    infer_shapes(model);
  }
  NameScope names(model.graph);
  int64_t changes = 0;
  for_each_graph(model.graph,
                 [&](Graph& graph) { changes += fold_followers(graph, names, match, notes); });
  return changes;
}

}  // namespace ptq
