#include "report/calibration_set_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/table.h"

namespace ptq {
namespace {

using Align = TextTable::Align;

size_t rows_of(size_t top, size_t size) {
  return top == 0 ? size : std::min(top, size);
}

std::string need_text(const TensorConvergence& tensor) {
  return !tensor.more        ? "no number settles it"
         : *tensor.more == 0 ? "enough"
                             : fmt::format("{} more", *tensor.more);
}

std::string more_text(size_t shown, size_t all) {
  return shown == all ? "" : fmt::format("  ... and {} more (--top 0 shows all)\n", all - shown);
}

}  // namespace

std::string calibration_set_text(const CalibrationSet& set, size_t top) {
  std::string text = fmt::format("\ncalibration set: {} samples", set.samples);
  if (set.convergence.empty()) {
    text += "; whether they are enough is said with --data (and --batch 1)\n";
  } else {
    const auto settled = std::ranges::count_if(
        set.convergence, [](const TensorConvergence& tensor) { return tensor.more == 0U; });
    text += fmt::format(", enough for {} of {} tensors\n\n", settled, set.convergence.size());
    TextTable table({{"tensor", Align::kLeft, 48},
                     {"growth if doubled", Align::kRight},
                     {"halves differ", Align::kRight},
                     {"samples", Align::kLeft}});
    const size_t shown = rows_of(top, set.convergence.size());
    for (size_t i = 0; i < shown; ++i) {
      const TensorConvergence& tensor = set.convergence[i];
      table.add_row(
          {tensor.name,
           std::isinf(tensor.growth) ? "?" : fmt::format("{:.1f} %", 100.0 * tensor.growth),
           fmt::format("{:.3f}", tensor.halves), need_text(tensor)});
    }
    text += table.text() + more_text(shown, set.convergence.size());
  }
  const size_t lines = rows_of(top, set.findings.size());
  text += set.findings.empty() ? "" : "\n";
  for (size_t i = 0; i < lines; ++i) {
    const CoverageGap& finding = set.findings[i];
    text += fmt::format("  {:7} {}  {}{}{}\n", finding.severity, finding.code,
                        printable(finding.tensor, 60), finding.tensor.empty() ? "" : ": ",
                        finding.message);
  }
  return text + more_text(lines, set.findings.size());
}

Json calibration_set_json(const CalibrationSet& set) {
  Json out = {{"samples", set.samples},
              {"duplicates", set.duplicates},
              {"convergence", Json::array()},
              {"findings", Json::array()}};
  for (const TensorConvergence& tensor : set.convergence) {
    out["convergence"].push_back({{"name", tensor.name},
                                  {"growth_percent", number(100.0 * tensor.growth)},
                                  {"halves_distance", number(tensor.halves)},
                                  {"enough", tensor.more == 0U},
                                  {"more_samples", tensor.more ? Json(*tensor.more) : Json()}});
  }
  for (const CoverageGap& finding : set.findings) {
    out["findings"].push_back({{"tensor", finding.tensor},
                               {"code", finding.code},
                               {"severity", finding.severity},
                               {"message", finding.message}});
  }
  return out;
}

}  // namespace ptq
