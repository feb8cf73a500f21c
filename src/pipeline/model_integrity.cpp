#include "pipeline/model_integrity.h"

#include <algorithm>

#include <fmt/format.h>

#include "graph/index.h"
#include "pipeline/open_samples.h"
#include "ptq/error.h"
#include "runtime/model_session.h"
#include "validate/findings.h"
#include "validate/saturation.h"
#include "validate/weight_damage.h"

namespace ptq {
namespace {

constexpr int64_t kSamples = 8;

std::string channel_text(const DamagedChannel& channel) {
  return fmt::format("channel {} of {} (weight {}) has {:.1f} dB, the median channel {:.1f} dB",
                     channel.channel, printable(channel.node, 80), printable(channel.weight, 80),
                     channel.sqnr_db, channel.median_sqnr_db);
}

std::string saturation_text(const SaturatedValue& value) {
  return fmt::format(
      "activation {} is cut off by its codes: they reach from {:.4g} to {:.4g}, FP32 "
      "from {:.4g} to {:.4g}; {:.2g} % of the values lie beyond, which alone leaves "
      "{:.1f} dB",
      printable(value.value.name, 80), value.value.lo, value.value.hi, value.min, value.max,
      100.0 * value.share, value.sqnr_db);
}

}  // namespace

std::vector<ValidationFinding> weight_findings(const LoadedModel& fp32, const Model& quantized) {
  const WeightComparison weights = compare_weights(fp32.model.graph, quantized.graph);
  if (weights.compared == 0) {
    return {make_finding(ValidationCode::kWeightsNotCompared,
                         "no weight of the quantized file could be compared with FP32")};
  }
  if (weights.damaged.empty()) {
    return {};
  }
  const auto worst = std::ranges::min_element(
      weights.damaged, {}, [](const DamagedChannel& c) { return c.sqnr_db - c.median_sqnr_db; });
  const std::string more = weights.damaged.size() > 1
                               ? fmt::format("; {} channels in all", weights.damaged.size())
                               : std::string();
  return {make_finding(ValidationCode::kDamagedWeight,
                       "damaged weight: " + channel_text(*worst) + more)};
}

std::vector<ValidationFinding> saturation_findings(const LoadedModel& fp32, const Model& quantized,
                                                   const DataRequest& data) {
  const std::vector<CodedActivation> values = coded_activations(fp32.model.graph, quantized.graph);
  if (values.empty()) {
    return {};
  }
  const GraphIndex index(fp32.model.graph);
  Model observed = fp32.model;
  observed.graph.outputs.clear();
  std::vector<SaturationCounter> counters;
  std::vector<std::string> fed;  // graph inputs among the values
  for (const CodedActivation& value : values) {
    if (index.dtype(value.name) != DType::kFloat) {
      continue;
    }
    if (index.is_graph_input(value.name)) {
      fed.push_back(value.name);
      continue;
    }
    observed.graph.outputs.push_back({.name = value.name, .dtype = DType::kFloat});
    counters.emplace_back(value);
  }
  const size_t computed = counters.size();
  for (const std::string& name : fed) {
    counters.emplace_back(*std::ranges::find(values, name, &CodedActivation::name));
  }
  if (computed == 0) {
    return {};
  }
  DataRequest few = data;
  few.options.max_samples =
      data.options.max_samples > 0 ? std::min(kSamples, data.options.max_samples) : kSamples;
  SessionOptions options;
  options.level = OptLevel::kBasic;
  const Session session = open_session(observed, options);
  const std::unique_ptr<SampleSource> source = open_samples(fp32.model, few);
  while (const std::optional<Sample> sample = source->next()) {
    const std::vector<Tensor> outputs = session.run(sample->inputs);
    for (size_t k = 0; k < computed; ++k) {
      counters[k].add(outputs[k]);
    }
    for (size_t k = 0; k < fed.size(); ++k) {
      counters[computed + k].add(sample->inputs.at(fed[k]));
    }
  }
  std::vector<SaturatedValue> results;
  for (const SaturationCounter& counter : counters) {
    results.push_back(counter.result());
  }
  const auto worst = std::ranges::min_element(results, {}, &SaturatedValue::sqnr_db);
  if (!(worst->sqnr_db < kSaturatedBelowDb)) {
    return {};
  }
  return {make_finding(ValidationCode::kSaturated, saturation_text(*worst))};
}

}  // namespace ptq
