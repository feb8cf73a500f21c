// A clipped sum that is divided by its upper bound h is a HardSigmoid; exporters for old opsets and
// training frameworks without that operator write HardSwish and gates so (h = 6, b = 3). The
// division may stand behind the product with x, or at the other factor of the product:
//
//   clip((x + b), 0, h) / h                  HardSigmoid{1 / h, b / h}(x)
//   (x · clip((x + b), 0, h)) / h            x · HardSigmoid{1 / h, b / h}(x)
//   (x / h) · clip((x + b), 0, h)            x · HardSigmoid{1 / h, b / h}(x)
//
// Division is Div by h or Mul by 1 / h. Left alone: inner values that something else reads, bounds
// and summands that are no scalar constants or would raise the rank, and a sum that is 0 or h at
// x = 0 already.

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "graph/edit.h"
#include "graph/index.h"
#include "onnx_io/infer_shapes.h"
#include "transform/passes.h"
#include "transform/walk.h"

namespace ptq {
namespace {

// 1 / h as exporters round it.
constexpr float kTolerance = 1e-6F;

std::optional<float> scalar(const GraphIndex& index, std::string_view value) {
  const Constant* constant = index.fixed_constant(value);
  if (constant == nullptr || constant->tensor.size() != 1 ||
      constant->tensor.dtype() != DType::kFloat) {
    return std::nullopt;
  }
  return constant->tensor.data<float>()[0];
}

// The one value of a constant operand that does not change the rank of the operand `beside`.
std::optional<float> operand(const GraphIndex& index, std::string_view value,
                             std::string_view beside) {
  const std::optional<float> found = scalar(index, value);
  if (!found) {
    return std::nullopt;
  }
  const size_t rank = index.fixed_constant(value)->tensor.shape().size();
  const Shape* shape = index.shape(beside);
  return rank == 0 || (shape != nullptr && shape->size() >= rank) ? found : std::nullopt;
}

// A bound of Clip, which is an input from opset 11 on and an attribute before.
std::optional<float> clip_bound(const GraphIndex& index, const Node& clip, size_t slot) {
  const Attribute* attribute = clip.find_attribute(slot == 1 ? "min" : "max");
  return attribute != nullptr ? attribute->f : scalar(index, clip.input(slot));
}

// What a node divides by h, or "".
std::string_view divided(const GraphIndex& index, const Node& node, float h) {
  const auto near = [](std::optional<float> value, float wanted) {
    return value && std::abs(*value - wanted) <= kTolerance * wanted;
  };
  if (node.is("Div") && near(operand(index, node.input(1), node.input(0)), h)) {
    return node.input(0);
  }
  for (size_t slot = 0; slot < 2 && node.is("Mul"); ++slot) {
    if (near(operand(index, node.input(1 - slot), node.input(slot)), 1.0F / h)) {
      return node.input(slot);
    }
  }
  return {};
}

struct Chain {
  size_t clip = 0;
  size_t product = GraphIndex::npos;  // with x, where there is one
  std::string x{};
  float bound = 0.0F;           // h
  float offset = 0.0F;          // b
  std::string result{};         // what the chain makes
  std::set<size_t> needless{};  // sum and division
};

class Matcher {
 public:
  explicit Matcher(const GraphIndex& index) : index_(index) {}

  std::optional<Chain> match(size_t position) const {
    const Node& clip = node(position);
    if (!clip.is("Clip") || clip.outputs.empty()) {
      return std::nullopt;
    }
    Chain chain{.clip = position};
    const std::optional<float> lo = clip_bound(index_, clip, 1);
    const std::optional<float> hi = clip_bound(index_, clip, 2);
    if (!lo || *lo != 0.0F || !hi || !(*hi > 0.0F) || !std::isfinite(*hi)) {
      return std::nullopt;
    }
    chain.bound = *hi;
    const bool found = match_sum(clip, chain) && match_division(clip.outputs[0], chain);
    return found ? std::optional(std::move(chain)) : std::nullopt;
  }

 private:
  const Node& node(size_t position) const { return index_.graph().nodes[position]; }
  size_t position(const Node* node) const {
    return static_cast<size_t>(node - index_.graph().nodes.data());
  }

  bool match_sum(const Node& clip, Chain& chain) const {
    const Node* sum = index_.producer(clip.input(0));
    if (sum == nullptr || !sum->is("Add") || index_.only_consumer(sum->outputs[0]) != &clip) {
      return false;
    }
    for (size_t slot = 0; slot < 2; ++slot) {
      const std::optional<float> offset = operand(index_, sum->input(1 - slot), sum->input(slot));
      if (offset && *offset > 0.0F && *offset < chain.bound) {
        chain.x = sum->input(slot);
        chain.offset = *offset;
        chain.needless.insert(position(sum));
        return index_.constant(chain.x) == nullptr;
      }
    }
    return false;
  }

  bool match_division(const std::string& clipped, Chain& chain) const {
    const Node* next = index_.only_consumer(clipped);
    if (next == nullptr) {
      return false;
    }
    if (divided(index_, *next, chain.bound) == clipped) {
      chain.result = next->outputs.at(0);
      chain.needless.insert(position(next));
      return true;
    }
    if (!next->is("Mul") || next->input(0) == next->input(1)) {
      return false;
    }
    const std::string& product = next->outputs.at(0);
    const std::string_view factor = next->input(next->input(0) == clipped ? 1 : 0);
    const bool behind = factor == chain.x;
    const Node* division = behind ? index_.only_consumer(product) : index_.producer(factor);
    if (division == nullptr || (!behind && index_.only_consumer(factor) != next) ||
        divided(index_, *division, chain.bound) != (behind ? product : chain.x)) {
      return false;
    }
    chain.product = position(next);
    chain.result = behind ? division->outputs.at(0) : product;
    chain.needless.insert(position(division));
    return true;
  }

  const GraphIndex& index_;
};

void rewrite(Graph& graph, const Chain& chain) {
  Node& gate = graph.nodes[chain.clip];
  gate.op_type = "HardSigmoid";
  gate.inputs = {chain.x};
  gate.attributes.clear();
  gate.set_attribute("alpha", 1.0F / chain.bound);
  gate.set_attribute("beta", chain.offset / chain.bound);
  if (chain.product == GraphIndex::npos) {
    gate.outputs = {chain.result};
    return;
  }
  Node& product = graph.nodes[chain.product];
  product.inputs = {chain.x, gate.outputs[0]};
  product.outputs = {chain.result};
}

int64_t fuse(Graph& graph) {
  std::vector<Chain> chains;
  {
    const GraphIndex index(graph);
    const Matcher matcher(index);
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      if (std::optional<Chain> chain = matcher.match(i)) {
        chains.push_back(std::move(*chain));
      }
    }
  }
  std::set<size_t> needless;
  for (const Chain& chain : chains) {
    rewrite(graph, chain);
    needless.insert(chain.needless.begin(), chain.needless.end());
  }
  erase_nodes(graph, needless);
  return static_cast<int64_t>(chains.size());
}

// A clipped sum of which not even the rank is known.
bool needs_shape(const Graph& graph) {
  const GraphIndex index(graph);
  return std::ranges::any_of(graph.nodes, [&](const Node& node) {
    const Node* sum = node.is("Clip") ? index.producer(node.input(0)) : nullptr;
    return sum != nullptr && sum->is("Add") && index.shape(node.input(0)) == nullptr;
  });
}

}  // namespace

int64_t fuse_hard_sigmoid(Model& model, Notes& /*notes*/) {
  bool has_unknown = false;
  for_each_graph(model.graph,
                 [&](Graph& graph) { has_unknown = has_unknown || needs_shape(graph); });
  if (has_unknown) {
    infer_shapes(model);
  }
  int64_t changes = 0;
  for_each_graph(model.graph, [&](Graph& graph) { changes += fuse(graph); });
  return changes;
}

}  // namespace ptq
