#pragma once
// What each product costs in a profiled run, conversions between float and codes and between
// layouts included. Pure functions; any thread.

#include <string>
#include <vector>

#include "graph/model_index.h"
#include "measure/profile.h"
#include "ptq/plan.h"

namespace ptq {

// A Conv, MatMul or Gemm of a prepared model.
struct PlannedProduct {
  size_t graph = 0;  // position in ModelIndex
  const Node* node = nullptr;
  std::string label{};
  // "Conv", "depthwise or grouped Conv", "MatMul", …
  std::string kind{};
};

// Those that `plan` runs in integers, in graph order. Keeps pointers into the model.
std::vector<PlannedProduct> integer_products(const ModelIndex& prepared, const QuantPlan& plan);

// Milliseconds a run, by position in `products`; 0 for a product that is not found. `file` is the
// prepared model or one quantized from it, `optimized` what the runtime made of mark_nodes(file),
// `times` the profile of that. A conversion counts for the product that it feeds, or else for the
// one that it follows, as far as only conversions lie between.
std::vector<double> product_times(const std::vector<PlannedProduct>& products,
                                  const ModelIndex& file, const ModelIndex& optimized,
                                  const std::vector<NodeTime>& times);

}  // namespace ptq
