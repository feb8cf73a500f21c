#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "ptq/error.h"
#include "validate/compare.h"

namespace ptq {

double LabelScore::fp32_percent() const {
  return samples == 0 ? 0.0
                      : 100.0 * static_cast<double>(fp32_correct) / static_cast<double>(samples);
}

double LabelScore::quantized_percent() const {
  return samples == 0
             ? 0.0
             : 100.0 * static_cast<double>(quantized_correct) / static_cast<double>(samples);
}

double LabelScore::drop_points() const {
  // One division of whole numbers: 91.05 − 90.05 in floating point is not 1.
  return samples == 0 ? 0.0
                      : 100.0 * (static_cast<double>(broken) - static_cast<double>(repaired)) /
                            static_cast<double>(samples);
}

double LabelScore::drop_standard_error() const {
  if (samples == 0) {
    return 0.0;
  }
  const auto b = static_cast<double>(broken);
  const auto c = static_cast<double>(repaired);
  const auto n = static_cast<double>(samples);
  return 100.0 * std::sqrt(std::max(0.0, b + c - (b - c) * (b - c) / n)) / n;
}

bool Validation::passed() const {
  return std::ranges::all_of(gates, [](const Gate& gate) { return gate.passed; });
}

void apply_gates(const ValidationLimits& limits, Validation& validation) {
  // A model that answers NaN fails, whatever was asked.
  for (const OutputError& output : validation.outputs) {
    if (output.nonfinite > 0) {
      validation.gates.push_back(
          {.name = "finite",
           .limit = 0.0,
           .measured = static_cast<double>(output.nonfinite),
           .passed = false,
           .text = fmt::format("output {} of the quantized model holds {} NaN or infinite value(s)",
                               printable(output.name), output.nonfinite)});
    }
  }
  if (limits.max_drop) {
    if (!validation.labels) {
      throw Error(ErrorCode::kUsage, "--max-drop needs labels: give --labels KEY or --labels FILE");
    }
    const LabelScore& score = *validation.labels;
    validation.gates.push_back(
        {.name = "max-drop",
         .limit = *limits.max_drop,
         .measured = score.drop_points(),
         .passed = score.drop_points() <= *limits.max_drop,
         .text = fmt::format("top-1 drop {:.2f} points (standard error {:.2f}), limit {:.2f}",
                             score.drop_points(), score.drop_standard_error(), *limits.max_drop)});
  }
  if (limits.min_sqnr_db) {
    double worst = std::numeric_limits<double>::infinity();
    std::string name;
    for (const OutputError& output : validation.outputs) {
      if (!(output.sqnr_db >= worst)) {
        worst = output.sqnr_db;
        name = output.name;
      }
    }
    validation.gates.push_back(
        {.name = "min-sqnr",
         .limit = *limits.min_sqnr_db,
         .measured = worst,
         .passed = worst >= *limits.min_sqnr_db,
         .text =
             fmt::format("lowest output SQNR {:.2f} dB{}, limit {:.2f} dB", worst,
                         name.empty() ? "" : " (" + printable(name) + ")", *limits.min_sqnr_db)});
  }
  if (limits.min_agreement) {
    if (!validation.agreement) {
      throw Error(ErrorCode::kUsage,
                  "--min-agreement needs a first output with classes along its last axis");
    }
    const double percent = validation.agreement->percent();
    validation.gates.push_back({.name = "min-agreement",
                                .limit = *limits.min_agreement,
                                .measured = percent,
                                .passed = percent >= *limits.min_agreement,
                                .text = fmt::format("top-1 agreement {:.2f} %, limit {:.2f} %",
                                                    percent, *limits.min_agreement)});
  }
}

}  // namespace ptq
