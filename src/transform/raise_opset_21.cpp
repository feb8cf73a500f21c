// What changed its meaning between opset 13 and 21, after the change log of the operators (ONNX
// Changelog.md). All others mean the same.
//
//   opset 13: ReduceMean{axes = -1}(x)   Split{axis = 0}(x) -> a, b
//   opset 21: ReduceMean(x, axes)        Split{axis = 0, num_outputs = 2}(x) -> a, b

#include "transform/raise_opset_21.h"

#include <algorithm>
#include <array>
#include <utility>

#include "transform/opset_adapters.h"
#include "transform/walk.h"

namespace ptq {
namespace {

constexpr int64_t kOldest = 13;
constexpr int64_t kTarget = 21;
constexpr int64_t kIrVersion = 10;  // first version whose files may use opset 21

std::string keep(OpsetMove& move, Node node) {
  move.nodes.push_back(std::move(node));
  return {};
}

// Opset 18: axes are an input, as they are for ReduceSum since 13.
std::string move_reduced_axes(OpsetMove& move, Node node) {
  return move.from >= 18 ? keep(move, std::move(node)) : move_axes_to_input(move, std::move(node));
}

// Opset 18: without sizes the number of parts must be said. Parts of unequal size were an error
// before and are none now.
std::string count_parts(OpsetMove& move, Node node) {
  if (move.from < 18 && node.input(1).empty()) {
    node.set_attribute("num_outputs", static_cast<int64_t>(node.outputs.size()));
  }
  return keep(move, std::move(node));
}

// Opset 16: what was the only mode is no longer the default.
std::string name_region_mode(OpsetMove& move, Node node) {
  if (move.from < 16) {
    node.set_attribute("coordinate_transformation_mode", std::string("output_half_pixel"));
  }
  return keep(move, std::move(node));
}

// Opset 20: modes have other names.
std::string rename_sample_mode(OpsetMove& move, Node node) {
  const std::string mode = node.string_attribute("mode", "bilinear");
  if (move.from < 20 && (mode == "bilinear" || mode == "bicubic")) {
    node.set_attribute("mode", std::string(mode == "bilinear" ? "linear" : "cubic"));
  }
  return keep(move, std::move(node));
}

// Opset 14 tells training from inference by an attribute instead of the number of outputs.
std::string refuse_training(OpsetMove& move, Node node) {
  if (move.from < 14 && node.outputs.size() > 1) {
    return "it has the outputs of training";
  }
  return keep(move, std::move(node));
}

// Opset 20: the axis is an input and counts from the back by default.
std::string refuse_old_transform(OpsetMove& move, Node node) {
  return move.from < 20 ? "its axis is an input since opset 20" : keep(move, std::move(node));
}

// Opset 21: scale and bias have one value a channel instead of one a group.
std::string refuse_old_groups(OpsetMove& move, Node node) {
  return move.from < 21 ? "its scale has another shape since opset 21"
                        : keep(move, std::move(node));
}

struct ChangedOperator {
  std::string_view op_type;
  OpsetAdapter adapter;
};

constexpr auto kChanged = std::to_array<ChangedOperator>({
    {"BatchNormalization", refuse_training},
    {"DFT", refuse_old_transform},
    {"GridSample", rename_sample_mode},
    {"GroupNormalization", refuse_old_groups},
    {"ReduceL1", move_reduced_axes},
    {"ReduceL2", move_reduced_axes},
    {"ReduceLogSum", move_reduced_axes},
    {"ReduceLogSumExp", move_reduced_axes},
    {"ReduceMax", move_reduced_axes},
    {"ReduceMean", move_reduced_axes},
    {"ReduceMin", move_reduced_axes},
    {"ReduceProd", move_reduced_axes},
    {"ReduceSumSquare", move_reduced_axes},
    {"RoiAlign", name_region_mode},
    {"Split", count_parts},
});

// Why the graph cannot move, or an empty string.
std::string move_graph(Graph& graph, int64_t from, NameScope& names,
                       const std::vector<const GraphIndex*>& outer) {
  const GraphIndex index(graph);
  std::vector<const GraphIndex*> scopes = {&index};
  scopes.insert(scopes.end(), outer.begin(), outer.end());
  std::vector<Node> nodes;
  std::vector<Constant> constants;
  OpsetMove move{from, scopes, names, nodes, constants};
  for (const Node& node : graph.nodes) {
    for (const Attribute& attribute : node.attributes) {
      for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
        if (std::string reason = move_graph(*inner, from, names, scopes); !reason.empty()) {
          return reason;
        }
      }
    }
    const auto changed = std::ranges::find(kChanged, node.op_type, &ChangedOperator::op_type);
    if (!node.domain.empty() || changed == kChanged.end()) {
      nodes.push_back(node);
    } else if (const std::string reason = changed->adapter(move, node); !reason.empty()) {
      return node_text(node) + " (" + reason + ")";
    }
  }
  graph.nodes = std::move(nodes);
  std::move(constants.begin(), constants.end(), std::back_inserter(graph.initializers));
  return {};
}

}  // namespace

int64_t raise_opset_21(Model& model, Notes& notes) {
  const int64_t from = model.opset();
  const auto refuse = [&](const std::string& reason) {
    notes.push_back("kept opset " + std::to_string(from) + " because of " + reason);
    return 0;
  };
  if (from < kOldest) {
    return refuse("its age: expected 13 or newer");
  }
  if (from < kTarget) {
    if (model.has_functions) {
      return refuse("the local functions, which have opsets of their own");
    }
    Graph raised = copy_graph(model.graph);
    NameScope names(raised);
    if (const std::string reason = move_graph(raised, from, names, {}); !reason.empty()) {
      return refuse(reason);
    }
    model.graph = std::move(raised);
    model.set_opset("", kTarget);
    notes.push_back("opset raised from " + std::to_string(from) + " to " + std::to_string(kTarget));
  }
  model.ir_version = std::max(model.ir_version, kIrVersion);
  return 1;
}

}  // namespace ptq
