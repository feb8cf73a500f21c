#include "validate/weight_damage.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "graph/index.h"
#include "validate/constant_values.h"

namespace ptq {
namespace {

constexpr double kSameWeight = 12.0;      // dB of the median channel
constexpr double kDamaged = 3.0;          // dB
constexpr double kFarBelowMedian = 15.0;  // dB
constexpr double kLeastEnergy = 0.01;     // of the mean channel

bool is_product(const Node& node) {
  static const std::set<std::string_view> kNames = {"Conv", "ConvTranspose", "Gemm", "MatMul"};
  return node.domain.empty() && kNames.contains(node.op_type);
}

// Axis of the output channels of the second operand.
int64_t channel_axis(const Node& node, const Shape& shape) {
  if (node.op_type == "Conv") {
    return 0;
  }
  if (node.op_type == "ConvTranspose") {
    return 1;
  }
  if (node.op_type == "Gemm") {
    return node.int_attribute("transB", 0) != 0 ? 0 : 1;
  }
  return static_cast<int64_t>(shape.size()) - 1;
}

// Products of the FP32 graph by all names under which they may be found.
class ProductIndex {
 public:
  explicit ProductIndex(const Graph& graph) {
    for (const Node& node : graph.nodes) {
      if (is_product(node)) {
        names_[node.name] += 1;
        by_name_[node.name] = &node;
        by_output_[node.outputs.at(0)] = &node;
      }
    }
  }

  // `index` is that of the quantized graph, in which codes may stand behind the product.
  const Node* find(const Node& product, const GraphIndex& index) const {
    std::string_view result = product.outputs.at(0);
    for (int step = 0; step < 3; ++step) {
      if (const auto found = by_output_.find(std::string(result)); found != by_output_.end()) {
        return found->second;
      }
      const Node* next = index.only_consumer(result);
      if (next == nullptr ||
          (next->op_type != "QuantizeLinear" && next->op_type != "DequantizeLinear")) {
        break;
      }
      result = next->outputs.at(0);
    }
    const auto named = names_.find(product.name);
    return !product.name.empty() && named != names_.end() && named->second == 1
               ? by_name_.at(product.name)
               : nullptr;
  }

 private:
  std::map<std::string, size_t> names_;
  std::map<std::string, const Node*> by_name_;
  std::map<std::string, const Node*> by_output_;
};

struct ChannelErrors {
  std::vector<double> sqnr_db;
  std::vector<double> energy;
};

// Both weights have the same shape and channel axis.
ChannelErrors channel_errors(const std::vector<float>& fp32, const std::vector<float>& quantized,
                             const Shape& shape, int64_t axis) {
  const auto channels = static_cast<size_t>(shape[static_cast<size_t>(axis)]);
  size_t inner = 1;
  for (size_t i = static_cast<size_t>(axis) + 1; i < shape.size(); ++i) {
    inner *= static_cast<size_t>(shape[i]);
  }
  std::vector<double> noise(channels, 0.0);
  ChannelErrors errors{.sqnr_db = std::vector<double>(channels, 0.0),
                       .energy = std::vector<double>(channels, 0.0)};
  for (size_t i = 0; i < fp32.size(); ++i) {
    const size_t channel = i / inner % channels;
    const double x = static_cast<double>(fp32[i]);
    const double error = x - static_cast<double>(quantized[i]);
    errors.energy[channel] += x * x;
    noise[channel] += error * error;
  }
  for (size_t c = 0; c < channels; ++c) {
    errors.sqnr_db[c] = noise[c] == 0.0 ? std::numeric_limits<double>::infinity()
                                        : 10.0 * std::log10(errors.energy[c] / noise[c]);
  }
  return errors;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

void judge_channels(const ChannelErrors& errors, const Node& node, std::string_view weight,
                    WeightComparison& result) {
  const double typical = median(errors.sqnr_db);
  if (!(typical >= kSameWeight)) {
    return;  // another weight, or codes so coarse that no channel stands out
  }
  ++result.compared;
  double mean = 0.0;
  for (const double energy : errors.energy) {
    mean += energy / static_cast<double>(errors.energy.size());
  }
  for (size_t c = 0; c < errors.sqnr_db.size(); ++c) {
    const double sqnr = errors.sqnr_db[c];
    const bool bad = !(sqnr >= kDamaged) && !(sqnr >= typical - kFarBelowMedian);
    // A channel of zeros whose codes are not: all noise, no energy of its own.
    const bool counts = errors.energy[c] >= kLeastEnergy * mean ||
                        sqnr == -std::numeric_limits<double>::infinity() || std::isnan(sqnr);
    if (bad && counts) {
      result.damaged.push_back({.node = node.name.empty() ? node.outputs.at(0) : node.name,
                                .weight = std::string(weight),
                                .channel = static_cast<int64_t>(c),
                                .sqnr_db = sqnr,
                                .median_sqnr_db = typical});
    }
  }
}

}  // namespace

WeightComparison compare_weights(const Graph& prepared, const Graph& quantized) {
  const GraphIndex before(prepared);
  const GraphIndex after(quantized);
  const ProductIndex products(prepared);
  WeightComparison result;
  for (const Node& node : quantized.nodes) {
    const Node* original = is_product(node) ? products.find(node, after) : nullptr;
    if (original == nullptr || original->op_type != node.op_type) {
      continue;
    }
    const auto fp32 = constant_values(before, original->input(1));
    const auto codes = constant_values(after, node.input(1));
    const bool comparable = fp32 && codes && codes->coded && fp32->shape == codes->shape &&
                            fp32->shape.size() >= 2 && !fp32->values.empty();
    if (!comparable) {
      continue;
    }
    const int64_t axis = channel_axis(node, fp32->shape);
    if (axis != channel_axis(*original, fp32->shape)) {
      continue;
    }
    judge_channels(channel_errors(fp32->values, codes->values, fp32->shape, axis), node,
                   codes->constant, result);
  }
  return result;
}

}  // namespace ptq
