#include "report/coverage_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "coverage/findings.h"
#include "ptq/error.h"
#include "report/json_document.h"
#include "report/table.h"

namespace ptq {
namespace {

using Align = TextTable::Align;

std::string ratio_text(double ratio) {
  return std::isinf(ratio) ? "inf"
         : ratio < 1000.0  ? fmt::format("{:.2f}", ratio)
                           : fmt::format("{:.2g}", ratio);
}

std::string percent_text(double share) {
  return share == 0.0 ? "0" : fmt::format("{:.3g} %", 100.0 * share);
}

std::string tensor_table(const std::vector<TensorCoverage>& tensors, size_t shown) {
  TextTable table({{"tensor", Align::kLeft, 40},
                   {"worst", Align::kLeft},
                   {"estimator", Align::kLeft},
                   {"production", Align::kRight, 24},
                   {"of range", Align::kRight},
                   {"of absmax", Align::kRight},
                   {"clipped", Align::kRight},
                   {"in calibration", Align::kRight},
                   {"JS", Align::kRight},
                   {"KS", Align::kRight}});
  for (size_t i = 0; i < shown; ++i) {
    const TensorCoverage& t = tensors[i];
    table.add_row({t.name, t.gaps.empty() ? "" : t.gaps.front().severity, t.estimator,
                   fmt::format("[{:.4g}, {:.4g}]", t.production.min, t.production.max),
                   ratio_text(t.range_ratio), ratio_text(t.absmax_ratio), percent_text(t.clipped),
                   percent_text(t.clipped_calibration), fmt::format("{:.2f}", t.js_distance),
                   fmt::format("{:.2f}", t.ks_distance)});
  }
  return table.text();
}

std::string gap_lines(const std::vector<CoverageGap>& gaps, size_t shown) {
  std::string text;
  for (size_t i = 0; i < shown; ++i) {
    text += fmt::format("  {:7} {}  {}: {}\n", gaps[i].severity, gaps[i].code,
                        printable(gaps[i].tensor, 60), gaps[i].message);
  }
  return text;
}

Json extremes_json(const Extremes& extremes) {
  return {{"min", number(static_cast<double>(extremes.min))},
          {"max", number(static_cast<double>(extremes.max))}};
}

Json gap_json(const CoverageGap& gap) {
  return {{"tensor", gap.tensor},
          {"code", gap.code},
          {"severity", gap.severity},
          {"title", std::string(coverage_finding(gap.code).title)},
          {"message", gap.message}};
}

Json tensor_json(const TensorCoverage& t) {
  Json codes = Json::array();
  for (const CoverageGap& gap : t.gaps) {
    codes.push_back(gap.code);
  }
  return {{"name", t.name},
          {"estimator", t.estimator},
          {"range",
           {{"lo", number(static_cast<double>(t.range.lo))},
            {"hi", number(static_cast<double>(t.range.hi))}}},
          {"calibration", extremes_json(t.calibration)},
          {"production", extremes_json(t.production)},
          {"range_ratio", number(t.range_ratio)},
          {"absmax_ratio", number(t.absmax_ratio)},
          {"clipped_percent", number(100.0 * t.clipped)},
          {"clipped_in_calibration_percent", number(100.0 * t.clipped_calibration)},
          {"beyond_absmax_percent", number(100.0 * t.clipped_absmax)},
          {"js_distance", number(t.js_distance)},
          {"ks_distance", number(t.ks_distance)},
          {"codes", codes}};
}

std::string closing_text(const PoolClosing& pool) {
  const GapClosing& closing = pool.closing;
  if (closing.gaps == 0) {
    return "\npool: production goes nowhere beyond calibration, nothing written\n";
  }
  std::string text = fmt::format(
      "\npool of {} samples: {} sides of tensors are exceeded by production; the whole pool would "
      "close {:.0f} % of the way, in the mean\n",
      pool.pool_samples, closing.gaps, 100.0 * closing.closed_by_pool);
  if (closing.chosen.empty()) {
    return text + "no sample of the pool goes beyond calibration there, nothing written\n";
  }
  return text + fmt::format("{} samples close {:.0f} %: wrote {}\n", closing.chosen.size(),
                            100.0 * closing.closed, printable(pool.output.string()));
}

Json closing_json(const PoolClosing& pool) {
  return {{"pool_samples", pool.pool_samples},
          {"exceeded_sides", pool.closing.gaps},
          {"closed_percent", number(100.0 * pool.closing.closed)},
          {"closed_by_pool_percent", number(100.0 * pool.closing.closed_by_pool)},
          {"output", pool.output.empty() ? Json() : Json(pool.output.string())},
          {"samples", pool.origins}};
}

size_t rows_of(size_t top, size_t size) {
  return top == 0 ? size : std::min(top, size);
}

double worst(const CoverageReport& report, double TensorCoverage::*field) {
  double largest = 0.0;
  for (const TensorCoverage& tensor : report.tensors) {
    largest = std::max(largest, tensor.*field);
  }
  return largest;
}

double mean(const CoverageReport& report, double TensorCoverage::*field) {
  double sum = 0.0;
  for (const TensorCoverage& tensor : report.tensors) {
    sum += tensor.*field;
  }
  return report.tensors.empty() ? 0.0 : sum / static_cast<double>(report.tensors.size());
}

// Lines about the samples of production, where they say something.
std::string traits_text(const ProductionTraits& traits) {
  std::string text;
  if (traits.observed) {
    text +=
        fmt::format("observed in production: {} of {} runs counted\n", traits.counted, traits.runs);
  }
  if (traits.unobserved > 0) {
    text +=
        fmt::format("{} calibrated tensors were not observed in production\n", traits.unobserved);
  }
  if (traits.observed || traits.in_calibration > 0) {
    text += fmt::format("{}{} different samples, {} repeated; {} of them are in the calibration\n",
                        traits.all_told_apart ? "" : "of a random choice: ", traits.different,
                        traits.repeated, traits.in_calibration);
  }
  return text;
}

Json traits_json(const ProductionTraits& traits) {
  return {{"observed", traits.observed},
          {"runs", traits.runs},
          {"counted_runs", traits.counted},
          {"different_samples", traits.different},
          {"all_told_apart", traits.all_told_apart},
          {"repeated_samples", traits.repeated},
          {"samples_in_calibration", traits.in_calibration},
          {"unobserved_tensors", traits.unobserved}};
}

Json summary_json(const CoverageReport& report, const std::vector<CoverageGap>& gaps) {
  Json by_severity = {{"error", 0}, {"warning", 0}, {"info", 0}};
  for (const CoverageGap& gap : gaps) {
    by_severity[gap.severity] = by_severity[gap.severity].get<int>() + 1;
  }
  return {
      {"calibration_samples", report.calibration_samples},
      {"production_samples", report.production_samples},
      {"production", traits_json(report.production)},
      {"tensors", report.tensors.size()},
      {"gaps", by_severity},
      {"worst_clipped_percent", number(100.0 * worst(report, &TensorCoverage::clipped))},
      {"mean_clipped_percent", number(100.0 * mean(report, &TensorCoverage::clipped))},
      {"mean_beyond_absmax_percent", number(100.0 * mean(report, &TensorCoverage::clipped_absmax))},
      {"worst_absmax_ratio", number(worst(report, &TensorCoverage::absmax_ratio))},
      {"worst_range_ratio", number(worst(report, &TensorCoverage::range_ratio))}};
}

}  // namespace

std::vector<CoverageGap> all_gaps(const std::vector<TensorCoverage>& tensors) {
  std::vector<CoverageGap> gaps;
  for (const TensorCoverage& tensor : tensors) {
    gaps.insert(gaps.end(), tensor.gaps.begin(), tensor.gaps.end());
  }
  std::ranges::stable_sort(gaps, {},
                           [](const CoverageGap& gap) { return severity_rank(gap.severity); });
  return gaps;
}

std::string production_text(const CoverageReport& report, size_t top) {
  const std::vector<CoverageGap> gaps = all_gaps(report.tensors);
  const size_t tensors = rows_of(top, report.tensors.size());
  const size_t lines = rows_of(top, gaps.size());
  std::string text =
      fmt::format("calibration of {} samples, production of {}\n{}\n", report.calibration_samples,
                  report.production_samples, traits_text(report.production)) +
      tensor_table(report.tensors, tensors);
  if (tensors < report.tensors.size()) {
    text += fmt::format("  ... and {} more (--top 0 shows all)\n", report.tensors.size() - tensors);
  }
  text += gaps.empty() ? "\nno gaps\n" : fmt::format("\n{} gaps\n", gaps.size());
  text += gap_lines(gaps, lines);
  if (lines < gaps.size()) {
    text += fmt::format("  ... and {} more (--top 0 shows all)\n", gaps.size() - lines);
  }
  if (report.closing) {
    text += closing_text(*report.closing);
  }
  for (const CoverageGate& gate : report.gates) {
    text += fmt::format("{} {} {:.4g}, limit {:.4g}{}\n", gate.passed() ? "PASS" : "FAIL",
                        gate.name, gate.measured, gate.limit,
                        gate.tensor.empty() ? "" : ": " + printable(gate.tensor));
  }
  return text;
}

std::string production_json(const ReportHeader& header, const CoverageReport& report) {
  const std::vector<CoverageGap> gaps = all_gaps(report.tensors);
  Json document = start_document(header);
  document["summary"] = summary_json(report, gaps);
  document["gates"] = Json::array();
  for (const CoverageGate& gate : report.gates) {
    document["gates"].push_back({{"name", gate.name},
                                 {"limit", number(gate.limit)},
                                 {"measured", number(gate.measured)},
                                 {"tensor", gate.tensor},
                                 {"passed", gate.passed()}});
  }
  document["gaps"] = Json::array();
  for (const CoverageGap& gap : gaps) {
    document["gaps"].push_back(gap_json(gap));
  }
  document["pool"] = report.closing ? closing_json(*report.closing) : Json();
  document["tensors"] = Json::array();
  for (const TensorCoverage& tensor : report.tensors) {
    document["tensors"].push_back(tensor_json(tensor));
  }
  return dump(document);
}

}  // namespace ptq
