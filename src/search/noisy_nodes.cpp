#include "search/noisy_nodes.h"

#include <algorithm>

namespace ptq {
namespace {

void split(std::span<const size_t> nodes, double limit_db, const MeasureNodes& measure,
           std::vector<NoisyNode>& found) {
  if (nodes.empty()) {
    return;
  }
  const double sqnr_db = measure(nodes);
  if (sqnr_db >= limit_db) {
    return;
  }
  if (nodes.size() == 1) {
    found.push_back({nodes[0], sqnr_db});
    return;
  }
  const size_t half = nodes.size() / 2;
  split(nodes.first(half), limit_db, measure, found);
  split(nodes.subspan(half), limit_db, measure, found);
}

}  // namespace

std::vector<NoisyNode> find_noisy_nodes(std::span<const size_t> nodes, double limit_db,
                                        const MeasureNodes& measure) {
  std::vector<NoisyNode> found;
  split(nodes, limit_db, measure, found);
  std::ranges::stable_sort(found, {}, &NoisyNode::sqnr_db);
  return found;
}

}  // namespace ptq
