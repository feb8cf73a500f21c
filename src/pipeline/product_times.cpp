#include "pipeline/product_times.h"

#include <map>
#include <unordered_map>

#include "pipeline/node_matching.h"
#include "pipeline/optimized_kernels.h"
#include "plan/op_rules.h"

namespace ptq {
namespace {

using Owners = std::unordered_map<const Node*, size_t>;
constexpr size_t kNobody = static_cast<size_t>(-1);

// Transposes without a mark were put there by the runtime, for a layout.
bool is_conversion(const Node& node) {
  return is_quantize(node) || is_dequantize(node) || node.op_type.starts_with("Reorder") ||
         (node.op_type == "Transpose" && node_mark(node) == GraphIndex::npos);
}

size_t fed_product(const Node& conversion, const GraphIndex& index, const Owners& owners) {
  if (conversion.outputs.empty()) {
    return kNobody;
  }
  for (const GraphIndex::Use& use : index.uses(conversion.outputs[0])) {
    const Node& reader = index.graph().nodes[use.node];
    const auto owner = owners.find(&reader);
    const size_t found = owner != owners.end()   ? owner->second
                         : is_conversion(reader) ? fed_product(reader, index, owners)
                                                 : kNobody;
    if (found != kNobody) {
      return found;
    }
  }
  return kNobody;
}

size_t followed_product(const Node& conversion, const GraphIndex& index, const Owners& owners) {
  const Node* producer = index.producer(conversion.input(0));
  while (producer != nullptr && !owners.contains(producer) && is_conversion(*producer)) {
    producer = index.producer(producer->input(0));
  }
  const auto owner = owners.find(producer);
  return owner != owners.end() ? owner->second : kNobody;
}

}  // namespace

std::vector<PlannedProduct> integer_products(const ModelIndex& prepared, const QuantPlan& plan) {
  std::vector<PlannedProduct> products;
  for (size_t k = 0; k < prepared.size(); ++k) {
    for (const Decision& decision : (k == 0 ? plan : plan.inner.at(k - 1)).decisions) {
      const Node& node = prepared[k].graph().nodes.at(decision.node);
      const OpRule* rule = find_op_rule(node);
      if (decision.integer && rule != nullptr && rule->op_class == OpClass::kCompute) {
        const bool grouped = node.int_attribute("group", 1) > 1;
        products.push_back(
            {k, &node, decision.label, (grouped ? "depthwise or grouped " : "") + node.op_type});
      }
    }
  }
  return products;
}

std::vector<double> product_times(const std::vector<PlannedProduct>& products,
                                  const ModelIndex& file, const ModelIndex& optimized,
                                  const std::vector<NodeTime>& times) {
  std::map<std::string_view, double> by_name;
  for (const NodeTime& time : times) {
    by_name[time.name] += time.ms;
  }
  const NodeMatching matching(file, optimized);
  Owners owners;
  for (size_t i = 0; i < products.size(); ++i) {
    const size_t mark = matching.in_file(products[i].graph, *products[i].node);
    if (mark == GraphIndex::npos) {
      continue;
    }
    for (const Node* each : matching.in_optimized(products[i].graph, mark)) {
      owners.emplace(each, i);
    }
  }
  std::vector<double> ms(products.size(), 0.0);
  for (size_t k = 0; k < optimized.size(); ++k) {
    for (const Node& node : optimized[k].graph().nodes) {
      const auto time = by_name.find(node.name);
      if (time == by_name.end() || node.name.empty()) {
        continue;
      }
      size_t owner = kNobody;
      if (const auto own = owners.find(&node); own != owners.end()) {
        owner = own->second;
      } else if (is_conversion(node)) {
        owner = fed_product(node, optimized[k], owners);
        owner = owner != kNobody ? owner : followed_product(node, optimized[k], owners);
      }
      if (owner != kNobody) {
        ms[owner] += time->second;
      }
    }
  }
  return ms;
}

}  // namespace ptq
