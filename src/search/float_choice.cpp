#include "search/float_choice.h"

#include <algorithm>

namespace ptq {
namespace {

constexpr double kWorthwhileDb = 1.0;

}  // namespace

FloatChoice choose_float_products(std::span<const size_t> products, double limit_db,
                                  const MeasureNodes& measure) {
  FloatChoice choice{.nodes = find_noisy_nodes(products, limit_db, measure)};
  choice.before_db = measure(products);
  choice.after_db = choice.before_db;
  if (choice.nodes.empty()) {
    return choice;
  }
  std::vector<size_t> rest;
  for (const size_t product : products) {
    if (std::ranges::find(choice.nodes, product, &NoisyNode::node) == choice.nodes.end()) {
      rest.push_back(product);
    }
  }
  choice.after_db = measure(rest);
  if (choice.after_db < choice.before_db + kWorthwhileDb) {
    choice.nodes.clear();
    choice.after_db = choice.before_db;
  }
  return choice;
}

}  // namespace ptq
