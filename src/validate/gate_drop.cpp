// --max-drop and --max-regression: is the loss on the task surely below the limit?

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ptq/error.h"
#include "validate/gates.h"
#include "validate/statistics.h"

namespace ptq {
namespace {

constexpr double kMostSamples = 1e7;

std::string amount(const MetricResult& metric, double value) {
  return metric.unit == "%" ? fmt::format("{:.2f} points", value) : fmt::format("{:.4g}", value);
}

// How many samples would decide if they went on as those so far: the smallest number at which the
// interval leaves the limit on the side of the estimate. 0 when there is no such number.
uint64_t samples_needed(const MetricResult& metric, double limit, uint64_t samples) {
  const double margin = std::abs(limit - metric.drop);
  if (metric.method == IntervalMethod::kNone || samples == 0 || !(margin > 0.0)) {
    return 0;
  }
  const auto n = static_cast<double>(samples);
  if (metric.method == IntervalMethod::kBootstrap) {
    const double reach = metric.drop < limit ? metric.interval.upper - metric.drop
                                             : metric.drop - metric.interval.lower;
    const double wanted = std::ceil(n * (reach / margin) * (reach / margin));
    return std::isfinite(wanted) && wanted <= kMostSamples ? static_cast<uint64_t>(wanted) : 0;
  }
  double low = 1.0;
  double high = 1.0;
  const auto decides = [&](double factor) {
    const Interval bounds = paired_proportion_interval(
        static_cast<double>(metric.broken) * factor, static_cast<double>(metric.repaired) * factor,
        n * factor, metric.confidence);
    return judge_upper_limit({100.0 * bounds.lower, 100.0 * bounds.upper}, limit) !=
           GateOutcome::kInconclusive;
  };
  while (!decides(high)) {
    low = high;
    high *= 2.0;
    if (n * high > kMostSamples) {
      return 0;
    }
  }
  for (int i = 0; i < 40; ++i) {
    const double middle = 0.5 * (low + high);
    (decides(middle) ? high : low) = middle;
  }
  return static_cast<uint64_t>(std::ceil(n * high));
}

std::string drop_text(const MetricResult& metric, const Gate& gate) {
  const std::string drop =
      fmt::format("{} {} {}", metric.title, metric.higher_is_better ? "drop" : "increase",
                  amount(metric, metric.drop));
  const std::string limit = amount(metric, gate.limit);
  const double percent = 100.0 * metric.confidence;
  if (metric.method == IntervalMethod::kNone) {
    return fmt::format("{} (one number a model, no interval), limit {}", drop, limit);
  }
  switch (gate.outcome) {
    case GateOutcome::kPass:
      return fmt::format("{}, at {:.4g} % confidence at most {}; limit {}", drop, percent,
                         amount(metric, metric.interval.upper), limit);
    case GateOutcome::kFail:
      return fmt::format("{}, at {:.4g} % confidence at least {}; limit {}", drop, percent,
                         amount(metric, metric.interval.lower), limit);
    default:
      break;
  }
  const std::string more =
      gate.samples_needed > 0
          ? fmt::format("about {} samples would decide", gate.samples_needed)
          : std::string("the drop is too near the limit for any number of samples to decide");
  if (std::isinf(metric.interval.upper)) {
    return fmt::format(
        "{} on too few samples to say how much it varies (8 are the least); limit {}", drop, limit);
  }
  return fmt::format("{}, at {:.4g} % confidence from {} to {}; limit {}; {}", drop, percent,
                     amount(metric, metric.interval.lower), amount(metric, metric.interval.upper),
                     limit, more);
}

Gate judge_drop(std::string name, const TaskResult& task, double limit) {
  const MetricResult& metric = task.metrics.at(task.judged);
  Gate gate{.name = std::move(name),
            .target = metric.name,
            .limit = limit,
            .measured = metric.drop,
            .unit = metric.unit == "%" ? "points" : ""};
  if (!std::isfinite(metric.drop)) {
    gate.outcome = GateOutcome::kFail;
    gate.text = fmt::format("{} is {} for FP32 and {} for the quantized model", metric.title,
                            metric.fp32, metric.quantized);
    return gate;
  }
  if (metric.method == IntervalMethod::kNone) {
    gate.outcome = pass_if(metric.drop <= limit);
  } else {
    gate.interval = metric.interval;
    gate.outcome = judge_upper_limit(metric.interval, limit);
  }
  if (gate.outcome == GateOutcome::kInconclusive) {
    gate.samples_needed = samples_needed(metric, limit, task.samples);
  }
  gate.text = drop_text(metric, gate);
  return gate;
}

}  // namespace

std::vector<Gate> judge_max_drop(const ValidationLimits& limits, const Validation& validation) {
  if (!limits.max_drop) {
    return {};
  }
  if (!validation.task || validation.task->metrics.empty()) {
    // Outputs of other shapes were not scored; that is a failure of its own.
    if (!validation.findings.empty() && validation.task) {
      return {};
    }
    throw Error(ErrorCode::kUsage,
                "--max-drop needs labels: give --labels KEY or --labels FILE, or --evaluate CMD");
  }
  return {judge_drop("max-drop", *validation.task, *limits.max_drop)};
}

std::vector<Gate> judge_regression(const ValidationLimits& limits, const Validation& validation) {
  std::vector<Gate> gates;
  if (!limits.baseline) {
    return gates;
  }
  const ValidationBaseline& baseline = *limits.baseline;
  for (const auto& [name, before] : baseline.sqnr_db) {
    const auto output = std::ranges::find(validation.outputs, name, &OutputError::name);
    if (output == validation.outputs.end()) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("{}: the baseline has an output {}, these models have not; give the "
                              "validation of the same model",
                              printable(baseline.name), printable(name, 80)));
    }
    // Whatever was lossless may become finite only if that is allowed by no decibel at all.
    const double lost = before == output->sqnr_db ? 0.0 : before - output->sqnr_db;
    gates.push_back({.name = "max-regression",
                     .output = name,
                     .target = name,
                     .limit = limits.max_regression_db,
                     .measured = lost,
                     .unit = "dB",
                     .outcome = pass_if(lost <= limits.max_regression_db),
                     .text = fmt::format("SQNR of {} was {:.2f} dB, is {:.2f} dB, may fall by "
                                         "{:.2f} dB",
                                         printable(name, 80), before, output->sqnr_db,
                                         limits.max_regression_db)});
  }
  if (limits.max_regression_drop) {
    const bool same = validation.task && !validation.task->metrics.empty() &&
                      validation.task->metrics[validation.task->judged].name == baseline.metric;
    if (!same) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("{}: expected the same task metric in the baseline and here, found "
                              "'{}' there",
                              printable(baseline.name), printable(baseline.metric, 60)));
    }
    gates.push_back(judge_drop("max-regression", *validation.task,
                               baseline.drop + *limits.max_regression_drop));
  }
  return gates;
}

}  // namespace ptq
