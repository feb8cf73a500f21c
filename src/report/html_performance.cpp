// Size, speed and accuracy of the quantized model beside FP32.

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

// Top-1 drop with its 95 % interval, zero and the gate.
std::string drop_plot(const Json& validate) {
  const auto drop = finite_of(validate, "summary.labels.drop_points");
  if (!drop) {
    return {};
  }
  const double error = finite_of(validate, "summary.labels.drop_standard_error").value_or(0.0);
  const double low = *drop - 1.96 * error;
  const double high = *drop + 1.96 * error;
  std::optional<double> limit;
  for (const Json& gate : rows_of(validate, "gates")) {
    if (text_of(gate, "name") == "max-drop") {
      limit = finite_of(gate, "limit");
    }
  }
  double from = std::min({0.0, low});
  double to = std::max({0.0, high, limit.value_or(0.0)});
  const double margin = std::max(0.1, 0.08 * (to - from));
  from -= margin;
  to += margin;
  SvgPlot plot(exact_axis("top-1 drop, percentage points (right is worse)", from, to),
               PlotAxis{.lo = 0.0, .hi = 1.0}, 60,
               fmt::format("Top-1 drop {} points, 95 % interval {} to {}", fixed_figure(*drop, 2),
                           fixed_figure(low, 2), fixed_figure(high, 2)));
  plot.upright(0.0, "zero");
  std::vector<LegendEntry> legend = {
      {"drop", "int8", LegendEntry::Form::kCircle},
      {"95 % interval, 1.96 standard errors", "int8", LegendEntry::Form::kLine}};
  if (limit) {
    plot.upright(*limit, "limit");
    legend.push_back(
        {fmt::format("limit {}", fixed_figure(*limit, 2)), "limit", LegendEntry::Form::kLine});
  }
  plot.line({{low, 0.5}, {high, 0.5}}, "int8");
  plot.marker(*drop, 0.5, Marker::kCircle, "int8", fixed_figure(*drop, 2) + " points");
  return plot.html() + plot_legend(legend);
}

std::string label_table(const Json& validate) {
  const Json& labels = member_of(validate, "summary.labels");
  if (!labels.is_object()) {
    return {};
  }
  HtmlTable table({{"labelled samples", Kind::kNumber},
                   {"FP32 top-1", Kind::kNumber},
                   {"quantized top-1", Kind::kNumber},
                   {"drop, points", Kind::kNumber},
                   {"standard error", Kind::kNumber},
                   {"newly wrong", Kind::kNumber},
                   {"newly right", Kind::kNumber}});
  const auto percent = [&](std::string_view key) {
    const auto value = finite_of(labels, key);
    return value ? fixed_figure(*value, 2) + " %" : std::string("–");
  };
  const auto points = [&](std::string_view key) {
    const auto value = finite_of(labels, key);
    return value ? fixed_figure(*value, 2) : std::string("–");
  };
  const auto whole = [&](std::string_view key) {
    const auto value = count_of(labels, key);
    return value ? count_figure(*value) : std::string("–");
  };
  table.add_row({whole("samples"), percent("fp32_percent"), percent("quantized_percent"),
                 points("drop_points"), points("drop_standard_error"), whole("broken"),
                 whole("repaired")});
  return table.html();
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

HtmlSection accuracy_section(const ReportDocuments& documents, size_t top) {
  HtmlSection section{.id = "accuracy",
                      .title = "Accuracy against FP32",
                      .source = "ptq validate FP32 QUANTIZED --data SAMPLES --json-out FILE"};
  const Json& validate = documents.of(ReportKind::kValidate);
  section.body = drop_plot(validate) + label_table(validate);
  const Json& outputs = rows_of(validate, "outputs");
  if (!outputs.empty()) {
    HtmlTable table({{"output", Kind::kName},
                     {"SQNR", Kind::kNumber},
                     {"cosine", Kind::kNumber},
                     {"largest |error|", Kind::kNumber},
                     {"mean |error|", Kind::kNumber},
                     {"not finite", Kind::kNumber}});
    for (size_t i = 0; i < shown_rows(outputs.size(), top); ++i) {
      const Json& row = outputs[i];
      const auto sqnr = number_of(row, "sqnr_db");
      table.add_row({std::string(text_of(row, "name")), sqnr ? decibel_figure(*sqnr) : "–",
                     optional_figure(number_of(row, "cosine"), 6),
                     optional_figure(number_of(row, "max_abs")),
                     optional_figure(number_of(row, "mean_abs")),
                     optional_count(number_of(row, "nonfinite"))});
    }
    section.body +=
        "<h3>Error of the outputs</h3>\n" + table.html() + more_rows(outputs.size(), top);
  }
  if (const auto samples = count_of(validate, "summary.samples")) {
    section.body += html_note(
        fmt::format("Over {} samples, both models on the same ones.", count_figure(*samples)));
  }
  return section;
}

}  // namespace ptq
