// How far production reaches beyond what calibration saw.

#include <algorithm>

#include <fmt/format.h>

#include "report/depth_order.h"
#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/svg_plot.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;

double ratio_of(const Json& row) {
  return finite_of(row, "range_ratio").value_or(0.0);
}

std::string share_figure(const Json& row, std::string_view key) {
  const auto percent = finite_of(row, key);
  return percent ? percent_figure(*percent) : "–";
}

std::string reach_plot(const Json& rows, const ReportDocuments& documents) {
  const DepthRows depth = in_depth_order(rows, documents, ratio_of);
  double highest = 2.0;
  double lowest = 0.5;
  for (const DepthRow& entry : depth.rows) {
    highest = std::max(highest, std::min(ratio_of(*entry.row), 1e6));
    lowest = std::min(lowest, std::max(ratio_of(*entry.row), 1e-3));
  }
  if (depth.rows.empty()) {
    return {};
  }
  SvgPlot plot(depth_axis(depth.total),
               log_axis("production over calibrated range, logarithmic", lowest, highest), 220,
               "How far production reaches over the calibrated range of each tensor");
  plot.band(1.0, 1e9, "zbad");
  plot.level(1.0, "limit");
  HtmlTable table({{"position", Kind::kNumber},
                   {"tensor", Kind::kName},
                   {"of range", Kind::kNumber},
                   {"of all seen", Kind::kNumber},
                   {"clipped", Kind::kNumber},
                   {"clipped in calibration", Kind::kNumber}});
  for (const DepthRow& entry : depth.rows) {
    const Json& row = *entry.row;
    const double ratio = ratio_of(row);
    plot.marker(static_cast<double>(entry.position), std::max(ratio, lowest),
                ratio > 1.0 ? Marker::kTriangle : Marker::kCircle, ratio > 1.0 ? "hard" : "easy",
                fmt::format("{}: {}", text_of(row, "name"), figure(ratio)));
    table.add_row({count_figure(entry.position), std::string(text_of(row, "name")),
                   optional_figure(number_of(row, "range_ratio")),
                   optional_figure(number_of(row, "absmax_ratio")),
                   share_figure(row, "clipped_percent"),
                   share_figure(row, "clipped_in_calibration_percent")});
  }
  return plot.html() +
         plot_legend({{"inside the range", "easy", LegendEntry::Form::kCircle},
                      {"beyond it: clipped", "hard", LegendEntry::Form::kTriangle},
                      {"1: exactly as far", "limit", LegendEntry::Form::kLine}}) +
         note_if(depth_note(depth)) + table.folded("Data of the plot");
}

std::string gap_table(const Json& coverage, size_t top) {
  const Json& gaps = rows_of(coverage, "gaps");
  if (gaps.empty()) {
    return member_of(coverage, "gaps").is_array()
               ? html_note("No gaps: production stays within what calibration saw.")
               : std::string();
  }
  HtmlTable table({{"severity", Kind::kSeverity},
                   {"code", Kind::kCode},
                   {"tensor", Kind::kName},
                   {"what", Kind::kText}});
  for (size_t i = 0; i < shown_rows(gaps.size(), top); ++i) {
    const Json& gap = gaps[i];
    table.add_row({std::string(text_of(gap, "severity")), std::string(text_of(gap, "code")),
                   std::string(text_of(gap, "tensor")), std::string(text_of(gap, "message"))});
  }
  return "<h3>Gaps, by severity</h3>\n" + table.html() + more_rows(gaps.size(), top);
}

// The samples of a pool that close gaps.
std::string pool_part(const Json& coverage, size_t top) {
  const Json& pool = member_of(coverage, "pool");
  if (!pool.is_object()) {
    return {};
  }
  const Json& samples = rows_of(pool, "samples");
  std::string out = "<h3>Samples of the pool that close gaps</h3>\n";
  const auto closed = finite_of(pool, "closed_percent");
  const auto by_all = finite_of(pool, "closed_by_pool_percent");
  if (closed && by_all) {
    out += fmt::format(
        "<p>{} of {} samples close {} of the excess over {} ends of ranges; all of the pool would "
        "close {}.</p>\n",
        count_figure(samples.size()), optional_count(finite_of(pool, "pool_samples")),
        html_text(percent_figure(*closed)), optional_count(finite_of(pool, "exceeded_sides")),
        html_text(percent_figure(*by_all)));
  }
  HtmlTable table({{"order", Kind::kNumber}, {"sample", Kind::kName}});
  for (size_t i = 0; i < shown_rows(samples.size(), top); ++i) {
    table.add_row({count_figure(i + 1), samples[i].is_string()
                                            ? samples[i].get<std::string>()
                                            : std::string(text_of(samples[i], "name"))});
  }
  return out + (table.empty() ? std::string() : table.html()) + more_rows(samples.size(), top);
}

}  // namespace

HtmlSection coverage_section(const ReportDocuments& documents, size_t top) {
  HtmlSection section{.id = "coverage",
                      .title = "Coverage of production",
                      .source = "ptq coverage --calibration A --production B --json-out FILE"};
  const Json& coverage = documents.of(ReportKind::kCoverage);
  if (coverage.is_null()) {
    return section;
  }
  section.body =
      "<p class=\"lead\">How far production reaches over the range that calibration chose "
      "for each tensor. Beyond 1 values are clipped.</p>\n" +
      reach_plot(rows_of(coverage, "tensors"), documents) + gap_table(coverage, top) +
      pool_part(coverage, top);
  const auto calibration = count_of(coverage, "summary.calibration_samples");
  const auto production = count_of(coverage, "summary.production_samples");
  if (calibration && production) {
    section.body += html_note(fmt::format("{} samples of calibration beside {} of production.",
                                          count_figure(*calibration), count_figure(*production)));
  }
  return section;
}

}  // namespace ptq
