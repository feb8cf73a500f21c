#pragma once
// Which nodes run in integers and which values therefore carry codes: what can be said of a plan
// before any range is known. The same answer tells calibration what to observe. Pure functions of
// the graph; any thread.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "graph/index.h"
#include "plan/op_rules.h"
#include "ptq/plan.h"

namespace ptq {

struct NodeStructure {
  const OpRule* rule = nullptr;   // null: stays in float whatever stands around it
  Kernel kernel = Kernel::kNone;  // the rule's, on the target
  bool integer = false;
  std::string reason{};  // why it does not run in integers (or why it does)
  // Position of the Relu / Clip behind it that its QuantizeLinear absorbs, or npos.
  size_t activation = GraphIndex::npos;
  bool absorbed = false;  // this node is such a Relu / Clip
  // Operand that stays in float because the node is fused to what makes it, or npos.
  size_t fused_operand = GraphIndex::npos;
  // The value that carries the codes of its result: the activation's output, or its own.
  std::string result{};
};

struct CodedValue {
  std::string value{};
  size_t producer = GraphIndex::npos;  // integer node (not its activation) or npos: float producer
  bool all_uses = false;
  std::string shares{};  // pass-through: the value whose parameters it must have; empty = own range
};

struct Structure {
  std::vector<NodeStructure> nodes{};  // one a node
  std::vector<CodedValue> values{};    // in order of production
};

// What is known beside the graph itself.
struct StructureContext {
  const GraphIndex* outer = nullptr;  // of the graph around it
  // Values that calibration never saw (a branch that no sample takes, an empty tensor). The nodes
  // that would need their range stay in float.
  const std::set<std::string>* unobserved = nullptr;
  bool foreign = false;  // the graph lies inside an operator of another domain: nothing is changed
};

Structure analyze_structure(const Graph& graph, const std::vector<std::string>& keep_float,
                            const Target& target, const StructureContext& context = {});

// Values whose statistics a plan needs, in order of production.
std::vector<std::string> values_to_observe(const Structure& structure);

}  // namespace ptq
