#include "pipeline/layer_noise.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace ptq {
namespace {

bool is_product(const NodeStructure& node) {
  return node.integer && node.rule != nullptr && node.rule->op_class == OpClass::kCompute;
}

bool moves_codes(const NodeStructure& node) {
  return node.integer && node.rule != nullptr && node.rule->op_class == OpClass::kPassThrough;
}

double noise_by_signal(double sqnr_db) {
  return std::isinf(sqnr_db) && sqnr_db > 0.0 ? 0.0 : std::pow(10.0, -sqnr_db / 10.0);
}

}  // namespace

LayerNoise::LayerNoise(const GraphIndex& index, const Structure& structure, const GraphIndex& sized,
                       const std::map<std::string, TensorStats>& stats,
                       const std::vector<std::string>& outputs,
                       const std::map<std::string, Moments>& measured,
                       const NoiseGain::Gains& gains)
    : stats_(stats), gain_(sized, stats, outputs, measured, gains) {
  for (const CodedValue& value : structure.values) {
    shares_[value.value] = value.shares;
  }
  for (const CodedValue& value : structure.values) {
    std::set<size_t> counted;  // elsewhere: by products, and by what is moved from here
    std::set<size_t> integer;
    for (const GraphIndex::Use& use : index.uses(value.value)) {
      const NodeStructure& reader = structure.nodes[use.node];
      (is_product(reader) || moves_codes(reader) ? counted : integer).insert(use.node);
      if (!reader.integer) {
        integer.erase(use.node);
      }
    }
    double gain = value.all_uses ? gain_.relative(value.value) : 0.0;
    if (value.all_uses) {
      for (const size_t node : counted) {
        gain -= gain_.through(value.value, node);
      }
    } else {
      for (const size_t node : integer) {
        gain += gain_.through(value.value, node);
      }
    }
    elsewhere_[source_of(value.value)] += std::max(0.0, gain);
  }
}

std::string LayerNoise::source_of(std::string_view value) const {
  std::string at(value);
  for (size_t hops = 0; hops <= shares_.size(); ++hops) {
    if (stats_.contains(at)) {
      return at;
    }
    const auto share = shares_.find(at);
    if (share == shares_.end() || share->second.empty()) {
      return {};
    }
    at = share->second;
  }
  return {};
}

double LayerNoise::noise_power(const std::string& source, double sqnr_db) const {
  const auto found = stats_.find(source);
  return found == stats_.end() ? 0.0 : moments_of(found->second).power * noise_by_signal(sqnr_db);
}

double LayerNoise::through_product(std::string_view value, size_t position, double sqnr_db) const {
  return noise_power(source_of(value), sqnr_db) * gain_.through(std::string(value), position);
}

double LayerNoise::elsewhere(const std::string& source, double sqnr_db) const {
  const auto found = elsewhere_.find(source);
  return found == elsewhere_.end() ? 0.0 : noise_power(source, sqnr_db) * found->second;
}

double LayerNoise::from_weight(std::string_view operand, std::string_view result, double row_length,
                               double power, double sqnr_db) const {
  return gain_.power(std::string(operand)) * row_length * power * noise_by_signal(sqnr_db) *
         gain_.relative(std::string(result));
}

}  // namespace ptq
