// From the scores of all samples to a figure with its interval.

#include <algorithm>
#include <cmath>
#include <limits>

#include "validate/statistics.h"
#include "validate/task.h"

namespace ptq {
namespace {

constexpr size_t kFewestDrawn = 8;

// b broken and c repaired of n: sqrt(b + c − (b − c)²/n) / n, in points.
double proportion_error(double broken, double repaired, double samples) {
  const double net = broken - repaired;
  return 100.0 * std::sqrt(std::max(0.0, broken + repaired - net * net / samples)) / samples;
}

using BoundMetric = std::function<double(SampleWeights)>;

BoundMetric bound(const MetricRow& metric, std::span<const SampleScore> scores) {
  if (metric.bind != nullptr) {
    return metric.bind(scores);
  }
  return [value = metric.value, scores](SampleWeights weights) { return value(scores, weights); };
}

void judge_proportion(const MetricRow& metric, std::span<const SampleScore> fp32,
                      std::span<const SampleScore> quantized, MetricResult& result) {
  const auto k = static_cast<size_t>(metric.proportion);
  for (size_t i = 0; i < fp32.size(); ++i) {
    const bool right = fp32[i][k] != 0.0;
    const bool still = quantized[i][k] != 0.0;
    result.broken += right && !still ? 1U : 0U;
    result.repaired += !right && still ? 1U : 0U;
  }
  const auto b = static_cast<double>(result.broken);
  const auto c = static_cast<double>(result.repaired);
  const auto n = static_cast<double>(fp32.size());
  // One division of whole numbers: 91.05 − 90.05 in floating point is not 1.
  result.drop = 100.0 * (b - c) / n;
  result.standard_error = proportion_error(b, c, n);
  result.method = IntervalMethod::kTango;
  const Interval bounds = paired_proportion_interval(b, c, n, result.confidence);
  result.interval = {.lower = 100.0 * bounds.lower, .upper = 100.0 * bounds.upper};
  result.mcnemar_p = mcnemar_p_value(result.broken, result.repaired);
  result.mcnemar_exact = result.broken + result.repaired < kExactMcNemar;
}

}  // namespace

MetricResult measure_metric(const MetricRow& metric, std::span<const SampleScore> fp32,
                            std::span<const SampleScore> quantized, double confidence,
                            size_t resamples, uint64_t seed) {
  MetricResult result{.name = std::string(metric.name),
                      .title = std::string(metric.title),
                      .unit = std::string(metric.unit),
                      .higher_is_better = metric.higher_is_better,
                      .confidence = confidence};
  const BoundMetric before = bound(metric, fp32);
  const BoundMetric after = bound(metric, quantized);
  result.fp32 = before({});
  result.quantized = after({});
  if (metric.proportion >= 0 && !fp32.empty()) {
    judge_proportion(metric, fp32, quantized, result);
    return result;
  }
  const double sign = metric.higher_is_better ? 1.0 : -1.0;
  result.drop = sign * (result.fp32 - result.quantized);
  result.method = IntervalMethod::kBootstrap;
  result.resamples = resamples;
  const BootstrapResult bootstrap = paired_bootstrap(
      fp32.size(), [&](SampleWeights weights) { return sign * (before(weights) - after(weights)); },
      confidence, resamples, seed);
  // Fewer samples cannot show how much samples differ.
  constexpr double kNoBound = std::numeric_limits<double>::infinity();
  result.interval = fp32.size() < kFewestDrawn ? Interval{.lower = -kNoBound, .upper = kNoBound}
                                               : bootstrap.interval;
  result.standard_error = metric.standard_error != nullptr ? metric.standard_error(fp32, quantized)
                                                           : bootstrap.standard_error;
  return result;
}

std::string_view method_name(IntervalMethod method) {
  switch (method) {
    case IntervalMethod::kTango:
      return "tango";
    case IntervalMethod::kBootstrap:
      return "bootstrap";
    case IntervalMethod::kNone:
      break;
  }
  return "none";
}

}  // namespace ptq
