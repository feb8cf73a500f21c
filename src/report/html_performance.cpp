// Size and speed of the quantized model beside FP32.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/svg_plot.h"
#include "report/table.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;

std::string size_bars(const Json& quantize) {
  const auto before = count_of(quantize, "summary.original_bytes");
  const auto after = count_of(quantize, "summary.quantized_bytes");
  if (!before || !after || *after == 0) {
    return {};
  }
  return "<div><h3>Size of the file</h3>\n" +
         bar_rows({{"FP32", size_text(*before), static_cast<double>(*before), "fp32"},
                   {"quantized", size_text(*after), static_cast<double>(*after), "int8"}},
                  "Sizes of both files") +
         "</div>\n";
}

LabelledBar latency_bar(const Json& summary, std::string_view key, std::string label,
                        std::string style) {
  const Json& times = member_of(summary, key);
  const double median = finite_of(times, "median").value_or(0.0);
  return {std::move(label),
          milliseconds_figure(median),
          std::max(0.0, median),
          std::move(style),
          finite_of(times, "lower").value_or(median),
          finite_of(times, "upper").value_or(median)};
}

std::string latency_bars(const Json& bench) {
  const Json& summary = member_of(bench, "summary");
  if (!finite_of(summary, "fp32_ms.median") || !finite_of(summary, "quantized_ms.median")) {
    return {};
  }
  std::string out = "<div><h3>Latency of a run, median</h3>\n" +
                    bar_rows({latency_bar(summary, "fp32_ms", "FP32", "fp32"),
                              latency_bar(summary, "quantized_ms", "quantized", "int8")},
                             "Median latency of both models with quartiles");
  std::string note = "Whiskers: quartiles.";
  const auto lower = finite_of(summary, "speedup.lower");
  const auto upper = finite_of(summary, "speedup.upper");
  if (lower && upper) {
    note += fmt::format(" Ratio of neighbouring runs {} to {}.", figure(*lower), figure(*upper));
  }
  const auto threads = count_of(bench, "settings.threads");
  const auto batch = count_of(bench, "settings.batch");
  const auto runs = count_of(bench, "settings.runs");
  if (threads && batch && runs) {
    note += fmt::format(" {} thread{}, batch {}, {} alternating runs.", *threads,
                        *threads == 1 ? "" : "s", *batch, *runs);
  }
  return out + html_note(note) + "</div>\n";
}

std::string operator_times(const Json& bench, size_t top) {
  const Json& rows = rows_of(bench, "operators");
  if (rows.empty()) {
    return {};
  }
  HtmlTable table({{"operator kind", Kind::kName},
                   {"FP32 nodes", Kind::kNumber},
                   {"FP32 ms", Kind::kNumber},
                   {"quantized nodes", Kind::kNumber},
                   {"quantized ms", Kind::kNumber},
                   {"difference, ms", Kind::kNumber}});
  const auto time = [](std::optional<double> ms) {
    return ms ? fixed_figure(*ms, 3) : std::string("–");
  };
  for (size_t i = 0; i < shown_rows(rows.size(), top); ++i) {
    const Json& row = rows[i];
    const auto fp32 = finite_of(row, "fp32_ms");
    const auto quantized = finite_of(row, "quantized_ms");
    table.add_row({std::string(text_of(row, "kind")), optional_count(finite_of(row, "fp32_nodes")),
                   time(fp32), optional_count(finite_of(row, "quantized_nodes")), time(quantized),
                   fp32 && quantized ? fixed_figure(*quantized - *fp32, 3) : "–"});
  }
  return "<h3>Time by kind of operator, one run</h3>\n" + table.html() +
         more_rows(rows.size(), top);
}

}  // namespace

HtmlSection size_and_speed_section(const ReportDocuments& documents, size_t top) {
  HtmlSection section{.id = "size-speed",
                      .title = "Size and speed",
                      .source = "ptq quantize … --json-out FILE, ptq bench … --json-out FILE"};
  const Json& bench = documents.of(ReportKind::kBench);
  const std::string size = size_bars(documents.of(ReportKind::kQuantize));
  const std::string latency = latency_bars(bench);
  if (!size.empty() || !latency.empty()) {
    section.body = "<div class=\"pair\">\n" + size + latency + "</div>\n";
  }
  section.body += operator_times(bench, top);
  return section;
}

}  // namespace ptq
