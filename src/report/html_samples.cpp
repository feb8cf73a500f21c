// The samples: what they are, and whether they are enough.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ptq/calibration_set.h"
#include "report/depth_order.h"
#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/svg_plot.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;

std::string whole(const Json& document, std::string_view path) {
  const auto value = count_of(document, path);
  return value ? count_figure(*value) : "–";
}

std::string input_table(const Json& check, size_t top) {
  const Json& rows = rows_of(check, "inputs_seen");
  if (rows.empty()) {
    return {};
  }
  HtmlTable table({{"input", Kind::kName},
                   {"type", Kind::kText},
                   {"values", Kind::kNumber},
                   {"min", Kind::kNumber},
                   {"mean", Kind::kNumber},
                   {"max", Kind::kNumber},
                   {"not finite", Kind::kNumber}});
  for (size_t i = 0; i < shown_rows(rows.size(), top); ++i) {
    const Json& row = rows[i];
    table.add_row({std::string(text_of(row, "name")), std::string(text_of(row, "type")),
                   whole(row, "values"), optional_figure(number_of(row, "min")),
                   optional_figure(number_of(row, "mean")), optional_figure(number_of(row, "max")),
                   whole(row, "nonfinite_values")});
  }
  return table.html() + more_rows(rows.size(), top);
}

// Rows with code, severity and message.
std::string finding_table(std::string_view title, const Json& rows, size_t top) {
  if (rows.empty()) {
    return {};
  }
  HtmlTable table({{"severity", Kind::kSeverity},
                   {"code", Kind::kCode},
                   {"where", Kind::kName},
                   {"what", Kind::kText}});
  for (size_t i = 0; i < shown_rows(rows.size(), top); ++i) {
    table.add_row({std::string(text_of(rows[i], "severity")), std::string(text_of(rows[i], "code")),
                   std::string(text_of(rows[i], "tensor")),
                   std::string(text_of(rows[i], "message"))});
  }
  return fmt::format("<h3>{}</h3>\n", title) + table.html() + more_rows(rows.size(), top);
}

// Percent by which the range would grow; what is not known counts as very much.
double growth_of(const Json& row) {
  const double growth = number_of(row, "growth_percent").value_or(NAN);
  return std::isnan(growth) ? INFINITY : growth;
}

bool settled(const Json& row) {
  const Json& enough = member_of(row, "enough");
  return enough.is_boolean() && enough.get<bool>();
}

std::string need_text(const Json& row) {
  const auto more = count_of(row, "more_samples");
  return settled(row) ? "enough" : more ? count_figure(*more) + " more" : "no number settles it";
}

std::string growth_plot(const DepthRows& depth) {
  constexpr double kLowest = 0.1;
  constexpr double kHighest = 100.0;
  SvgPlot plot(depth_axis(depth.total),
               log_axis("growth of the range, %, logarithmic", kLowest, kHighest), 220,
               "Growth of each range that a doubling of the samples would bring");
  const double limit = 100.0 * kSettledGrowth;
  plot.band(limit, 1e9, "zbad");
  plot.level(limit, "limit");
  HtmlTable table({{"position", Kind::kNumber},
                   {"tensor", Kind::kName},
                   {"growth if doubled", Kind::kNumber},
                   {"halves differ by", Kind::kNumber},
                   {"samples", Kind::kText}});
  for (const DepthRow& entry : depth.rows) {
    const Json& row = *entry.row;
    const double growth = growth_of(row);
    const auto halves = finite_of(row, "halves_distance");
    plot.marker(static_cast<double>(entry.position), std::clamp(growth, kLowest, kHighest),
                settled(row) ? Marker::kCircle : Marker::kTriangle, settled(row) ? "easy" : "hard",
                fmt::format("{}: {}", text_of(row, "name"), percent_figure(growth)));
    table.add_row({count_figure(entry.position), std::string(text_of(row, "name")),
                   percent_figure(growth), halves ? percent_figure(100.0 * *halves) : "–",
                   need_text(row)});
  }
  return plot.html() +
         plot_legend(
             {{"enough samples", "easy", LegendEntry::Form::kCircle},
              {"still moving", "hard", LegendEntry::Form::kTriangle},
              {fmt::format("{:.0f} %: settled below", limit), "limit", LegendEntry::Form::kLine}}) +
         note_if(depth_note(depth)) + table.folded("Data of the plot");
}

// How far ranges still move, and what the diagnosis found about strata and duplicates.
std::string settling_part(const ReportDocuments& documents, size_t top) {
  const Json& set = member_of(documents.of(ReportKind::kDiagnose), "calibration_set");
  const Json& rows = rows_of(set, "convergence");
  std::string out;
  if (!rows.empty()) {
    const auto enough = static_cast<uint64_t>(std::ranges::count_if(rows, settled));
    out = fmt::format(
              "<h3>Are they enough?</h3>\n<p class=\"lead\">Enough for {} of {} activations. The "
              "plot "
              "shows how much each range would grow if the samples were doubled.</p>\n",
              count_figure(enough), count_figure(rows.size())) +
          growth_plot(in_depth_order(rows, documents, growth_of));
  }
  return out + finding_table("Findings on the set", rows_of(set, "findings"), top);
}

}  // namespace

HtmlSection sample_section(const ReportDocuments& documents, size_t top) {
  HtmlSection section{
      .id = "samples",
      .title = "Calibration samples",
      .source =
          "ptq diagnose MODEL --data SAMPLES --json-out FILE and ptq data check MODEL --data "
          "SAMPLES --json-out FILE"};
  const Json& check = documents.of(ReportKind::kData);
  const Json& stats = documents.of(ReportKind::kStats);
  HtmlTable table({{"document", Kind::kText},
                   {"samples", Kind::kNumber},
                   {"duplicates", Kind::kNumber},
                   {"fingerprint", Kind::kName}});
  if (!check.is_null()) {
    table.add_row({"data check", whole(check, "summary.samples"),
                   whole(check, "summary.duplicates"),
                   std::string(text_of(check, "summary.fingerprint").substr(0, 16))});
  }
  if (!stats.is_null()) {
    table.add_row({"statistics", whole(stats, "summary.samples"), "",
                   std::string(text_of(stats, "summary.data_fingerprint").substr(0, 16))});
  }
  const Json& set = member_of(documents.of(ReportKind::kDiagnose), "calibration_set");
  if (set.is_object()) {
    table.add_row({"diagnosis", whole(set, "samples"), whole(set, "duplicates")});
  }
  if (!table.empty()) {
    section.body = table.html();
  }
  section.body += settling_part(documents, top) + input_table(check, top) +
                  finding_table("Findings in the samples", rows_of(check, "findings"), top);
  return section;
}

}  // namespace ptq
