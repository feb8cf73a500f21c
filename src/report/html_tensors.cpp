// How hard the activations are: outlier ratio and predicted SQNR over the depth of the network.

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "ptq/diagnosis.h"
#include "report/depth_order.h"
#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/svg_plot.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;
using Form = LegendEntry::Form;

struct SeverityLook {
  std::string_view severity;
  Marker marker;
  Form form;
};

constexpr std::array<SeverityLook, 3> kSeverities = {
    {{"easy", Marker::kCircle, Form::kCircle},
     {"moderate", Marker::kDiamond, Form::kDiamond},
     {"hard", Marker::kTriangle, Form::kTriangle}}};

const SeverityLook& look_of(std::string_view severity) {
  const auto found = std::ranges::find(kSeverities, severity, &SeverityLook::severity);
  return found == kSeverities.end() ? kSeverities.front() : *found;
}

// The tensors of diagnose, else of quantize, else of the statistics.
const Json& diagnosed_rows(const ReportDocuments& documents) {
  for (const ReportKind kind : {ReportKind::kDiagnose, ReportKind::kQuantize, ReportKind::kStats}) {
    const Json& rows = rows_of(documents.of(kind), "tensors");
    if (!rows.empty()) {
      return rows;
    }
  }
  return rows_of(documents.of(ReportKind::kStats), "tensors");
}

double ratio_of(const Json& row) {
  return finite_of(row, "outlier_ratio").value_or(1.0);
}

std::string outlier_table(const DepthRows& depth) {
  HtmlTable table({{"position", Kind::kNumber},
                   {"tensor", Kind::kName},
                   {"outlier ratio", Kind::kNumber},
                   {"light-tailed", Kind::kNumber},
                   {"min", Kind::kNumber},
                   {"max", Kind::kNumber},
                   {"zeros", Kind::kNumber},
                   {"severity", Kind::kText}});
  for (const DepthRow& entry : depth.rows) {
    const Json& row = *entry.row;
    const auto zeros = finite_of(row, "zero_share");
    table.add_row({count_figure(entry.position), std::string(text_of(row, "name")),
                   figure(ratio_of(row)), optional_figure(finite_of(row, "expected_ratio")),
                   optional_figure(number_of(row, "min")), optional_figure(number_of(row, "max")),
                   zeros ? percent_figure(100.0 * *zeros) : "–",
                   std::string(text_of(row, "severity"))});
  }
  return table.folded("Data of the plot");
}

std::string estimator_table(const Json& rows, size_t top) {
  if (rows.empty()) {
    return {};
  }
  HtmlTable table({{"tensor", Kind::kName},
                   {"severity", Kind::kText},
                   {"8 bit", Kind::kNumber},
                   {"4 bit", Kind::kNumber},
                   {"estimator", Kind::kText},
                   {"reason", Kind::kText}});
  for (size_t i = 0; i < shown_rows(rows.size(), top); ++i) {
    const Json& row = rows[i];
    const auto at8 = number_of(row, "sqnr_db_8bit");
    const auto at4 = number_of(row, "sqnr_db_4bit");
    table.add_row({std::string(text_of(row, "name")), std::string(text_of(row, "severity")),
                   at8 ? decibel_figure(*at8) : "–", at4 ? decibel_figure(*at4) : "–",
                   std::string(text_of(row, "estimator")), std::string(text_of(row, "reason"))});
  }
  return "<h3>Estimator of each tensor, hardest first</h3>\n" + table.html() +
         more_rows(rows.size(), top);
}

}  // namespace

HtmlSection outlier_section(const ReportDocuments& documents, size_t /*top*/) {
  HtmlSection section{.id = "outliers",
                      .title = "Outlier ratio over depth",
                      .source = "ptq diagnose MODEL --stats S --json-out FILE"};
  const Json& rows = diagnosed_rows(documents);
  const DepthRows depth = in_depth_order(rows, documents, ratio_of);
  if (depth.rows.empty()) {
    return section;
  }
  double highest = 10.0;
  std::vector<SvgPlot::Point> expected;
  std::vector<SvgPlot::Point> trend;
  for (const DepthRow& entry : depth.rows) {
    const double ratio = ratio_of(*entry.row);
    const auto x = static_cast<double>(entry.position);
    highest = std::max(highest, ratio);
    trend.emplace_back(x, ratio);
    expected.emplace_back(x, finite_of(*entry.row, "expected_ratio").value_or(NAN));
  }
  SvgPlot plot(depth_axis(depth.total), log_axis("max |x| / p99 |x|, logarithmic", 1.0, highest),
               240, "Outlier ratio of each tensor over its position in the network");
  plot.line(trend, "thin");
  plot.line(expected, "expected");
  const EstimatorPolicy policy;
  plot.level(policy.low_ratio, "limit");
  plot.level(policy.high_ratio, "limit");
  for (const DepthRow& entry : depth.rows) {
    const SeverityLook& look = look_of(text_of(*entry.row, "severity"));
    plot.marker(static_cast<double>(entry.position), ratio_of(*entry.row), look.marker,
                look.severity,
                fmt::format("{}: {}", text_of(*entry.row, "name"), figure(ratio_of(*entry.row))));
  }
  std::vector<LegendEntry> legend;
  for (const SeverityLook& look : kSeverities) {
    legend.push_back({std::string(look.severity), std::string(look.severity), look.form});
  }
  legend.push_back({"light-tailed tensor of this size", "expected", Form::kLine});
  legend.push_back({"3 and 10: where the rule proposes another estimator", "limit", Form::kLine});
  section.body =
      "<p class=\"lead\">How far the largest value lies beyond the other 99 %. Long tails "
      "cost resolution unless they are clipped.</p>\n" +
      plot.html() + plot_legend(legend) + note_if(depth_note(depth)) + outlier_table(depth);
  return section;
}

HtmlSection bit_width_section(const ReportDocuments& documents, size_t top) {
  HtmlSection section{.id = "bit-width",
                      .title = "Predicted SQNR by bit-width",
                      .source = "ptq diagnose MODEL --stats S --json-out FILE"};
  const Json& rows = diagnosed_rows(documents);
  const DepthRows depth = in_depth_order(rows, documents, [](const Json& row) {
    return -finite_of(row, "sqnr_db_8bit").value_or(1e9);
  });
  double highest = 45.0;
  double lowest = 0.0;
  bool any = false;
  for (const DepthRow& entry : depth.rows) {
    for (const std::string_view key : {"sqnr_db_8bit", "sqnr_db_4bit"}) {
      if (const auto db = finite_of(*entry.row, key)) {
        highest = std::max(highest, std::min(*db, 80.0));
        lowest = std::min(lowest, std::max(*db, -20.0));
        any = true;
      }
    }
  }
  if (!any) {
    return section;
  }
  SvgPlot plot(depth_axis(depth.total), linear_axis("SQNR, dB (higher is better)", lowest, highest),
               260, "Predicted SQNR of each tensor at 8 and at 4 bit over its position");
  plot.band(kEasyFromDb, 1e9, "zgood");
  plot.band(kHardBelowDb, kEasyFromDb, "zmid");
  plot.band(-1e9, kHardBelowDb, "zbad");
  HtmlTable table({{"position", Kind::kNumber},
                   {"tensor", Kind::kName},
                   {"8 bit", Kind::kNumber},
                   {"4 bit", Kind::kNumber}});
  for (const DepthRow& entry : depth.rows) {
    const auto x = static_cast<double>(entry.position);
    const std::string_view name = text_of(*entry.row, "name");
    const auto at4 = number_of(*entry.row, "sqnr_db_4bit");
    const auto at8 = number_of(*entry.row, "sqnr_db_8bit");
    if (at4 && !std::isnan(*at4)) {
      plot.marker(x, *at4, Marker::kRing, "s1",
                  fmt::format("{}, 4 bit: {}", name, decibel_figure(*at4)));
    }
    if (at8 && !std::isnan(*at8)) {
      plot.marker(x, *at8, Marker::kCircle, "s0",
                  fmt::format("{}, 8 bit: {}", name, decibel_figure(*at8)));
    }
    table.add_row({count_figure(entry.position), std::string(name),
                   at8 ? decibel_figure(*at8) : "–", at4 ? decibel_figure(*at4) : "–"});
  }
  section.body =
      "<p class=\"lead\">Signal over quantization error that the best range of each tensor would "
      "have. Each bit is worth about 6 dB.</p>\n" +
      plot.html() +
      plot_legend({{"8 bit", "s0", Form::kCircle},
                   {"4 bit", "s1", Form::kRing},
                   {fmt::format("easy, from {:.0f} dB", kEasyFromDb), "zgood", Form::kArea},
                   {"moderate", "zmid", Form::kArea},
                   {fmt::format("hard, below {:.0f} dB", kHardBelowDb), "zbad", Form::kArea}}) +
      note_if(depth_note(depth)) + table.folded("Data of the plot") + estimator_table(rows, top);
  return section;
}

}  // namespace ptq
