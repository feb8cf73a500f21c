#include "plan/inherit_ranges.h"

#include <fmt/format.h>

#include "plan/op_rules.h"
#include "ptq/error.h"

namespace ptq {
namespace {

const Node* producer_of(const ModelIndex& index, std::string_view value) {
  const size_t graph = index.find_graph(value);
  return graph == ModelIndex::npos ? nullptr : index[graph].producer(value);
}

}  // namespace

void inherit_ranges(const ModelIndex& index, const std::vector<std::string>& values,
                    std::map<std::string, ChosenRange>& ranges) {
  for (const std::string& value : values) {
    std::string source = value;
    while (!ranges.contains(source)) {
      const Node* producer = producer_of(index, source);
      const OpRule* rule = producer == nullptr ? nullptr : find_op_rule(*producer);
      if (rule == nullptr || rule->op_class != OpClass::kPassThrough) {
        break;
      }
      source = producer->inputs.at(0);
    }
    const auto found = ranges.find(source);
    if (found != ranges.end() && source != value) {
      ChosenRange inherited = found->second;
      inherited.reason = fmt::format("the range of {}, whose values it holds", printable(source));
      ranges[value] = std::move(inherited);
    }
  }
}

}  // namespace ptq
