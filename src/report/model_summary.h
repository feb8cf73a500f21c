#pragma once
// What is in a model, counted over the main graph and the graphs inside its nodes. For the two
// forms of `ptq inspect`. Any thread.

#include <cstdint>
#include <map>
#include <string>

#include "ptq/graph.h"

namespace ptq {

struct ModelSummary {
  std::map<std::string, uint64_t> operators{};  // "Conv", "com.microsoft.Gelu"
  uint64_t nodes = 0;
  uint64_t inner_graphs = 0;
  uint64_t initializers = 0;
  uint64_t parameters = 0;  // elements of initializers
  uint64_t initializer_bytes = 0;
};

ModelSummary summarize_model(const Model& model);

}  // namespace ptq
