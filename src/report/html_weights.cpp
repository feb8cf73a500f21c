// Weights: how well their codes represent them, and how far their channels differ.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/svg_plot.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;

constexpr size_t kShownStrips = 8;

double sqnr_of(const Json& row) {
  return number_of(row, "sqnr_db").value_or(INFINITY);
}

// Weights of quantize, the least SQNR first.
std::string code_table(const Json& weights, size_t top) {
  if (weights.empty()) {
    return {};
  }
  std::vector<const Json*> order;
  for (const Json& row : weights) {
    order.push_back(&row);
  }
  std::ranges::stable_sort(order, {}, [](const Json* row) {
    const double db = sqnr_of(*row);
    return std::isnan(db) ? -1e9 : db;
  });
  HtmlTable table({{"weight", Kind::kName},
                   {"node", Kind::kName},
                   {"codes", Kind::kText},
                   {"SQNR", Kind::kNumber},
                   {"reason", Kind::kText}});
  for (size_t i = 0; i < shown_rows(order.size(), top); ++i) {
    const Json& row = *order[i];
    const auto db = number_of(row, "sqnr_db");
    table.add_row({std::string(text_of(row, "name")), std::string(text_of(row, "node")),
                   std::string(text_of(row, "type")), db ? decibel_figure(*db) : "–",
                   std::string(text_of(row, "reason"))});
  }
  return "<h3>Codes of the weights, least SQNR first</h3>\n" + table.html() +
         more_rows(order.size(), top);
}

struct ChannelRow {
  std::string_view name{};
  std::vector<double> largest{};  // |w| of each channel, ascending
  double spread = 0.0;            // largest over median
};

// Rows with "channel_absmax", the largest magnitude of each output channel.
std::vector<ChannelRow> channel_rows(const ReportDocuments& documents) {
  std::vector<ChannelRow> rows;
  for (const Json& row : rows_of(documents.of(ReportKind::kDiagnose), "weights")) {
    ChannelRow channel{.name = text_of(row, "name")};
    for (const Json& value : rows_of(row, "channel_absmax")) {
      if (value.is_number() && std::isfinite(value.get<double>())) {
        channel.largest.push_back(std::abs(value.get<double>()));
      }
    }
    if (channel.largest.size() < 2) {
      continue;
    }
    std::ranges::sort(channel.largest);
    const double median = channel.largest[channel.largest.size() / 2];
    channel.spread = median > 0.0 ? channel.largest.back() / median : INFINITY;
    rows.push_back(std::move(channel));
  }
  std::ranges::stable_sort(rows, std::greater(), &ChannelRow::spread);
  return rows;
}

double quantile(const std::vector<double>& ascending, double p) {
  return ascending[static_cast<size_t>(p * static_cast<double>(ascending.size() - 1))];
}

// Smallest, quartiles, median and largest of the channels of one weight.
std::string channel_figure(const ChannelRow& row) {
  const double highest = row.largest.back();
  const double lowest = std::max(row.largest.front(), highest * 1e-6);
  SvgPlot plot(log_axis("largest |w| of a channel, logarithmic", lowest, highest, 4),
               PlotAxis{.lo = 0.0, .hi = 1.0}, 46, fmt::format("Channel ranges of {}", row.name));
  plot.line({{lowest, 0.5}, {highest, 0.5}}, "fp32");
  plot.bar(quantile(row.largest, 0.25), quantile(row.largest, 0.75), 0.2, 0.8, "int8");
  plot.upright(quantile(row.largest, 0.5), "limit");
  return fmt::format(
      "<figure><figcaption><b class=\"id\">{}</b>{} channels, largest over median "
      "{}</figcaption>\n{}</figure>\n",
      html_path(row.name), row.largest.size(), html_text(figure(row.spread)), plot.html());
}

std::string channel_part(const std::vector<ChannelRow>& rows, size_t top) {
  if (rows.empty()) {
    return {};
  }
  HtmlTable table({{"weight", Kind::kName},
                   {"channels", Kind::kNumber},
                   {"smallest", Kind::kNumber},
                   {"median", Kind::kNumber},
                   {"largest", Kind::kNumber},
                   {"largest / median", Kind::kNumber}});
  std::string figures;
  for (size_t i = 0; i < rows.size(); ++i) {
    const ChannelRow& row = rows[i];
    if (i < shown_rows(rows.size(), top)) {
      table.add_row({std::string(row.name), count_figure(row.largest.size()),
                     figure(row.largest.front()), figure(quantile(row.largest, 0.5)),
                     figure(row.largest.back()), figure(row.spread)});
    }
    figures += i < kShownStrips ? channel_figure(row) : std::string();
  }
  return "<p class=\"lead\">Where channels differ by much, one scale for all would waste codes; "
         "one a channel does not.</p>\n" +
         plot_legend({{"smallest to largest channel", "fp32", LegendEntry::Form::kLine},
                      {"middle half of the channels", "int8", LegendEntry::Form::kArea},
                      {"median", "limit", LegendEntry::Form::kLine}}) +
         "<div class=\"small\">\n" + figures + "</div>\n" + table.folded("Data of the plots") +
         more_rows(rows.size(), top);
}

}  // namespace

HtmlSection weight_section(const ReportDocuments& documents, size_t top) {
  return {.id = "weights",
          .title = "Weights",
          .body = channel_part(channel_rows(documents), top) +
                  code_table(rows_of(documents.of(ReportKind::kQuantize), "weights"), top),
          .source = "ptq quantize MODEL … --json-out FILE"};
}

}  // namespace ptq
