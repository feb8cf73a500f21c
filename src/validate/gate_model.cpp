// Gates on the file and on what the runtime makes of it: size, integers, speed.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "measure/quartiles.h"
#include "ptq/error.h"
#include "validate/gates.h"

namespace ptq {

std::vector<Gate> judge_size_ratio(const ValidationLimits& limits, const Validation& validation) {
  if (!limits.min_size_ratio) {
    return {};
  }
  const double ratio = validation.quantized_bytes == 0
                           ? 0.0
                           : static_cast<double>(validation.fp32_bytes) /
                                 static_cast<double>(validation.quantized_bytes);
  return {
      {.name = "min-size-ratio",
       .limit = *limits.min_size_ratio,
       .measured = ratio,
       .outcome = pass_if(ratio >= *limits.min_size_ratio),
       .text = fmt::format("{} bytes to {}, {:.3f} x smaller, limit {:.3f}", validation.fp32_bytes,
                           validation.quantized_bytes, ratio, *limits.min_size_ratio)}};
}

std::vector<Gate> judge_integer_share(const ValidationLimits& limits,
                                      const Validation& validation) {
  if (!limits.min_integer_share) {
    return {};
  }
  Gate gate{.name = "min-integer-share", .limit = *limits.min_integer_share};
  if (!validation.integer_share) {
    gate.outcome = GateOutcome::kInconclusive;
    gate.measured = std::nan("");
    gate.text =
        "the share of multiply-accumulates in integers is unknown: some products stand in If or "
        "Loop bodies or have open dimensions";
    return {gate};
  }
  gate.measured = *validation.integer_share;
  gate.outcome = pass_if(gate.measured >= gate.limit);
  gate.text = fmt::format("{:.2f} % of multiply-accumulates run in integers, limit {:.2f} %",
                          100.0 * gate.measured, 100.0 * gate.limit);
  return {gate};
}

// The median of the ratios of neighbouring runs, give or take 1.57 · (distance of the quartiles) /
// √runs: about 95 % for a median (McGill, Tukey and Larsen, The American Statistician 32, 1978).
std::vector<Gate> judge_speedup(const ValidationLimits& limits, const Validation& validation) {
  if (!limits.min_speedup) {
    return {};
  }
  PTQ_CHECK(validation.benchmark.has_value());
  const Benchmark& times = *validation.benchmark;
  const double reach = 1.57 * (times.speedup.upper - times.speedup.lower) /
                       std::sqrt(static_cast<double>(std::max<size_t>(times.runs, 1)));
  const Interval interval{.lower = times.speedup.median - reach,
                          .upper = times.speedup.median + reach};
  Gate gate{.name = "min-speedup",
            .limit = *limits.min_speedup,
            .measured = times.speedup.median,
            .unit = "x",
            .interval = interval};
  const std::string figures =
      fmt::format("speedup {:.2f} (median of {} pairs of runs, {:.2f} to {:.2f}), limit {:.2f}",
                  times.speedup.median, times.runs, interval.lower, interval.upper, gate.limit);
  const bool noisy = !noise_warning("FP32", times.fp32_ms).empty() ||
                     !noise_warning("quantized", times.quantized_ms).empty();
  if (noisy) {
    gate.outcome = GateOutcome::kInconclusive;
    gate.cause = "the machine is too noisy to judge a speed";
    gate.text = fmt::format(
        "{}; not judged: the middle half of the runs spreads over {:.0f} % "
        "(FP32) and {:.0f} % (quantized) of the median, 10 % are the most",
        figures, 100.0 * times.fp32_ms.spread(), 100.0 * times.quantized_ms.spread());
  } else if (interval.lower >= gate.limit) {
    gate.outcome = GateOutcome::kPass;
    gate.text = figures;
  } else if (interval.upper < gate.limit) {
    gate.outcome = GateOutcome::kFail;
    gate.text = figures;
  } else {
    gate.outcome = GateOutcome::kInconclusive;
    gate.text = figures + "; more --speed-runs would decide";
  }
  return {gate};
}

}  // namespace ptq
