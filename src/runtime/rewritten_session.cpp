#include "runtime/rewritten_session.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "graph/edit.h"
#include "ptq/error.h"
#include "runtime/model_session.h"

namespace ptq {
namespace {

constexpr const char* kDomain = "ai.ptq";

}  // namespace

Session rewrite_values(const Model& model, const std::vector<std::string>& values,
                       ValueRewriter& rewriter) {
  std::map<std::string, int64_t> slots;
  for (size_t i = 0; i < values.size(); ++i) {
    slots[values[i]] = static_cast<int64_t>(i);
  }
  Model changed = model;
  NameScope names(changed.graph);
  std::vector<Node> nodes;
  for (Node& node : changed.graph.nodes) {
    std::vector<Node> behind;
    for (std::string& output : node.outputs) {
      const auto slot = slots.find(output);
      if (slot == slots.end()) {
        continue;
      }
      Node rewrite;
      rewrite.domain = kDomain;
      rewrite.op_type = "Rewrite";
      rewrite.name = names.unique("ptq_rewrite");
      rewrite.inputs = {names.unique(output + "_raw")};
      rewrite.outputs = {output};
      rewrite.set_attribute("slot", slot->second);
      output = rewrite.inputs[0];
      behind.push_back(std::move(rewrite));
      slots.erase(slot);
    }
    nodes.push_back(std::move(node));
    std::move(behind.begin(), behind.end(), std::back_inserter(nodes));
  }
  if (!slots.empty()) {
    throw Error(ErrorCode::kInput,
                fmt::format("value '{}': expected the output of a node of the main graph, found "
                            "none of that name",
                            printable(slots.begin()->first)));
  }
  changed.graph.nodes = std::move(nodes);
  changed.set_opset(kDomain, 1);
  SessionOptions options;
  options.rewriter = &rewriter;
  return open_session(changed, options);
}

}  // namespace ptq
