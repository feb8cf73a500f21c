#include "pipeline/sample_moments.h"

#include <algorithm>
#include <cmath>

#include "runtime/model_session.h"
#include "search/measured_outputs.h"

namespace ptq {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 26;  // 256 MiB of float32

bool holds_graphs(const Node& node) {
  return std::ranges::any_of(node.attributes,
                             [](const Attribute& attribute) { return !attribute.graphs.empty(); });
}

// All float values that nodes make; nothing when they are too large or of open shape.
std::vector<ValueInfo> all_values(const Graph& graph, const GraphIndex& sized) {
  std::vector<ValueInfo> values;
  int64_t elements = 0;
  for (const Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) {
      if (output.empty() || sized.dtype(output) != DType::kFloat) {
        continue;
      }
      const Shape* shape = sized.shape(output);
      if (shape == nullptr || std::ranges::any_of(*shape, [](int64_t n) { return n < 0; })) {
        continue;
      }
      elements += element_count(*shape);
      if (elements > kMaxElements) {
        return {};
      }
      values.push_back({.name = output, .dtype = DType::kFloat});
    }
  }
  return values;
}

}  // namespace

std::map<std::string, Moments> sample_moments(const Model& model, const GraphIndex& sized,
                                              const std::map<std::string, Tensor>& sample) {
  std::map<std::string, Moments> moments;
  if (sample.empty() || std::ranges::any_of(model.graph.nodes, holds_graphs)) {
    return moments;
  }
  Model exposed = with_measured_outputs(model);
  std::vector<ValueInfo> values = all_values(model.graph, sized);
  for (const ValueInfo& value : values) {
    if (std::ranges::find(exposed.graph.outputs, value.name, &ValueInfo::name) ==
        exposed.graph.outputs.end()) {
      exposed.graph.outputs.push_back(value);
    }
  }
  const Session session = open_session(exposed, {});
  const std::vector<Tensor> results = session.run(sample);
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].dtype() != DType::kFloat || results[i].size() == 0) {
      continue;
    }
    Moments sum{.power = 0.0, .mean = 0.0};
    for (const float value : results[i].data<float>()) {
      const auto x = static_cast<double>(value);
      sum.power += x * x / static_cast<double>(results[i].size());
      sum.mean += x / static_cast<double>(results[i].size());
    }
    if (std::isfinite(sum.power)) {
      moments[session.outputs()[i].name] = sum;
    }
  }
  return moments;
}

}  // namespace ptq
