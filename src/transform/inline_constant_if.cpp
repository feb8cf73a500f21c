// An If whose condition is a constant becomes the branch that is taken.
//
//   x ─ If(true) { then: y' = Conv(x) } ─ y          x ─ Conv ─ y

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "graph/edit.h"
#include "graph/index.h"
#include "graph/model_index.h"
#include "transform/passes.h"

namespace ptq {
namespace {

// The branch that is always taken, or nullptr. One with sparse tensors or annotations (verbatim)
// stays where it is.
std::shared_ptr<Graph> taken_branch(const Graph& graph, const Node& node) {
  if (!node.is("If")) {
    return nullptr;
  }
  const GraphIndex index(graph);
  const Constant* condition = index.fixed_constant(node.input(0));
  if (condition == nullptr || condition->tensor.dtype() != DType::kBool ||
      condition->tensor.size() != 1) {
    return nullptr;
  }
  const bool value = to_int64s(condition->tensor)[0] != 0;
  const Attribute* branch = node.find_attribute(value ? "then_branch" : "else_branch");
  const bool usable = branch != nullptr && branch->graphs.size() == 1 &&
                      branch->graphs[0]->inputs.empty() &&
                      branch->graphs[0]->outputs.size() == node.outputs.size() &&
                      branch->graphs[0]->verbatim.empty();
  return usable ? branch->graphs[0] : nullptr;
}

bool makes(const Graph& graph, const std::string& value) {
  for (const Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) {
      if (output == value) {
        return true;
      }
    }
  }
  return false;
}

// The nodes of the branch, with the outputs of the If as their results. What the branch takes from
// outside or holds as a constant is handed on by an Identity.
std::vector<Node> spliced_nodes(Graph& branch, const std::vector<std::string>& outputs,
                                NameScope& names) {
  std::vector<Node> copies;
  std::set<std::string> given;
  for (size_t k = 0; k < outputs.size(); ++k) {
    if (outputs[k].empty()) {
      continue;
    }
    const std::string value = branch.outputs[k].name;
    if (makes(branch, value) && !given.contains(value)) {
      rename_value(branch, value, outputs[k]);  // also in the outputs that name it again
      given.insert(outputs[k]);
      continue;
    }
    Node copy{.name = names.unique(outputs[k] + "_copy"), .op_type = "Identity"};
    copy.inputs = {value};
    copy.outputs = {outputs[k]};
    copies.push_back(std::move(copy));
  }
  std::vector<Node> nodes = std::move(branch.nodes);
  std::move(copies.begin(), copies.end(), std::back_inserter(nodes));
  return nodes;
}

int64_t inline_in(Graph& graph, NameScope& names) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::shared_ptr<Graph> branch = taken_branch(graph, graph.nodes[i]);
    if (branch == nullptr) {
      continue;
    }
    std::vector<Node> nodes = spliced_nodes(*branch, graph.nodes[i].outputs, names);
    std::set<std::string> made(graph.nodes[i].outputs.begin(), graph.nodes[i].outputs.end());
    std::move(branch->initializers.begin(), branch->initializers.end(),
              std::back_inserter(graph.initializers));
    for (ValueInfo& info : branch->value_infos) {
      if (!made.contains(info.name)) {  // those of the If's outputs are known already
        graph.value_infos.push_back(std::move(info));
      }
    }
    const auto place = graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(i));
    graph.nodes.insert(place, std::make_move_iterator(nodes.begin()),
                       std::make_move_iterator(nodes.end()));
    return 1;
  }
  return 0;
}

}  // namespace

int64_t inline_constant_if(Model& model, Notes& notes) {
  int64_t changes = 0;
  NameScope names(model.graph);
  // One at a time: each brings the branches inside it into the graph, where they are found next.
  bool found = true;
  while (found) {
    found = false;
    for (Graph* const graph : all_graphs(model.graph)) {
      if (inline_in(*graph, names) > 0) {
        ++changes;
        found = true;
        break;
      }
    }
  }
  if (changes > 0) {
    drop_identity(model, notes);  // the copies that hand on
  }
  return changes;
}

}  // namespace ptq
