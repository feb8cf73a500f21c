// Where the error comes from: predicted for each layer alone, and measured along the network.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ptq/diagnosis.h"
#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/svg_plot.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;
using Form = LegendEntry::Form;

constexpr size_t kPoints = 300;
constexpr double kHighestDb = 90.0;  // beyond it nobody asks how much

// One layer, in the order of computation. NaN where a document does not say.
struct PlottedError {
  std::string_view name{};
  std::string_view op{};
  double first = NAN;   // dB; +infinity: no error
  double second = NAN;  // dB
};

double decibel_of_noise(const Json& row, std::string_view path) {
  const auto noise = finite_of(row, path);
  return !noise ? NAN : *noise > 0.0 ? -10.0 * std::log10(*noise) : INFINITY;
}

std::vector<PlottedError> predicted_errors(const Json& diagnose) {
  std::vector<const Json*> order;
  for (const Json& row : rows_of(diagnose, "layers")) {
    if (member_of(row, "noise").is_object()) {
      order.push_back(&row);
    }
  }
  std::ranges::stable_sort(order, {},
                           [](const Json* row) { return count_of(*row, "position").value_or(0); });
  std::vector<PlottedError> rows;
  for (const Json* row : order) {
    rows.push_back({.name = text_of(*row, "node"),
                    .op = text_of(*row, "op_type"),
                    .first = decibel_of_noise(*row, "noise.activation"),
                    .second = decibel_of_noise(*row, "noise.weight_8bit")});
  }
  return rows;
}

std::vector<PlottedError> measured_errors(const Json& validate) {
  std::vector<const Json*> order;
  for (const Json& row : rows_of(validate, "layers")) {
    order.push_back(&row);
  }
  std::ranges::stable_sort(order, {},
                           [](const Json* row) { return finite_of(*row, "depth").value_or(0.0); });
  std::vector<PlottedError> rows;
  for (const Json* row : order) {
    rows.push_back({.name = text_of(*row, "name"),
                    .op = text_of(*row, "op"),
                    .first = number_of(*row, "sqnr_db").value_or(NAN),
                    .second = number_of(*row, "alone_sqnr_db").value_or(NAN)});
  }
  return rows;
}

double least(const PlottedError& row) {
  return std::min(std::isnan(row.first) ? INFINITY : row.first,
                  std::isnan(row.second) ? INFINITY : row.second);
}

std::string db_cell(double db) {
  return std::isnan(db) ? "–" : std::isinf(db) && db > 0 ? "no error" : decibel_figure(db);
}

// Positions of the rows that are shown: of each stretch the worst.
std::vector<size_t> shown_positions(const std::vector<PlottedError>& rows, size_t stretch) {
  std::vector<size_t> shown;
  for (size_t begin = 0; begin < rows.size(); begin += stretch) {
    const auto end =
        rows.begin() + static_cast<std::ptrdiff_t>(std::min(begin + stretch, rows.size()));
    const auto worst =
        std::ranges::min_element(rows.begin() + static_cast<std::ptrdiff_t>(begin), end, {}, least);
    shown.push_back(static_cast<size_t>(worst - rows.begin()));
  }
  return shown;
}

struct ErrorTitles {
  std::string_view description;
  std::string first;
  std::string second;
  bool joined;  // the first series is one signal on its way, so its points are joined
};

std::string error_part(const std::vector<PlottedError>& rows, const ErrorTitles& titles) {
  const size_t stretch = std::max<size_t>(1, (rows.size() + kPoints - 1) / kPoints);
  const std::vector<size_t> shown = shown_positions(rows, stretch);
  double lowest = kHighestDb;
  double highest = 0.0;
  for (const size_t i : shown) {
    for (const double db : {rows[i].first, rows[i].second}) {
      if (std::isfinite(db)) {
        lowest = std::min(lowest, std::max(db, -20.0));
        highest = std::max(highest, std::min(db, kHighestDb));
      }
    }
  }
  // At least 20 dB, so that small differences look small.
  const double margin = std::max(0.0, 20.0 - (highest - lowest)) / 2.0;
  SvgPlot plot(depth_axis(rows.size()),
               linear_axis("SQNR, dB (higher is better)", lowest - margin, highest + margin), 240,
               std::string(titles.description));
  HtmlTable table({{"position", Kind::kNumber},
                   {"layer", Kind::kName},
                   {"operator", Kind::kText},
                   {titles.first, Kind::kNumber},
                   {titles.second, Kind::kNumber}});
  std::vector<SvgPlot::Point> line;
  for (const size_t i : shown) {
    line.emplace_back(static_cast<double>(i + 1), rows[i].first);
    table.add_row({count_figure(i + 1), std::string(rows[i].name), std::string(rows[i].op),
                   db_cell(rows[i].first), db_cell(rows[i].second)});
  }
  if (titles.joined) {
    plot.line(line, "s0");
  }
  for (const size_t i : shown) {
    const auto x = static_cast<double>(i + 1);
    const auto mark = [&](double db, Marker kind, std::string_view style, std::string_view what) {
      if (std::isfinite(db)) {
        plot.marker(x, db, kind, style,
                    fmt::format("{}, {}: {}", rows[i].name, what, decibel_figure(db)));
      }
    };
    mark(rows[i].second, Marker::kDiamond, "s1", titles.second);
    mark(rows[i].first, Marker::kCircle, "s0", titles.first);
  }
  return plot.html() +
         plot_legend({{titles.first, "s0", Form::kCircle}, {titles.second, "s1", Form::kDiamond}}) +
         (stretch > 1 ? html_note(fmt::format("Of every {} neighbouring layers the worst is shown.",
                                              stretch))
                      : std::string()) +
         table.folded("Data of the plot");
}

bool any_figure(const std::vector<PlottedError>& rows) {
  return std::ranges::any_of(rows, [](const PlottedError& row) { return std::isfinite(least(row)); });
}

}  // namespace

HtmlSection noise_section(const ReportDocuments& documents) {
  HtmlSection section{.id = "depth-error",
                      .title = "Where the error comes from",
                      .source =
                          "ptq diagnose MODEL … --json-out FILE and ptq validate FP32 QUANTIZED "
                          "--data SAMPLES --layers --json-out FILE"};
  const std::vector<PlottedError> measured = measured_errors(documents.of(ReportKind::kValidate));
  if (any_figure(measured)) {
    section.body +=
        "<h3>Measured along the network</h3>\n<p class=\"lead\">Signal over error of the quantized "
        "model at each value, and with this layer alone quantized.</p>\n" +
        error_part(measured, {"Measured SQNR along the network", "whole model quantized",
                              "this layer alone", true});
  }
  const std::vector<PlottedError> predicted = predicted_errors(documents.of(ReportKind::kDiagnose));
  if (any_figure(predicted)) {
    section.body +=
        "<h3>Predicted for each layer alone</h3>\n<p class=\"lead\">Signal over error at the "
        "output if only this layer were 8 bit: the lowest points are what to keep in float "
        "first.</p>\n" +
        error_part(predicted, {"Predicted SQNR at the output of each layer alone",
                               "from its activation", "from its weight", false});
  }
  return section;
}

}  // namespace ptq
