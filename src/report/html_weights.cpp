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

constexpr size_t kShownWeights = 150;

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
  std::string_view node{};
  uint64_t position = 0;
  uint64_t channels = 0;
  std::vector<double> largest{};  // quantiles of max |w| of a channel, ascending
  double spread = 0.0;            // largest over median
};

double quantile(const std::vector<double>& ascending, double p) {
  return ascending[static_cast<size_t>(p * static_cast<double>(ascending.size() - 1))];
}

// Weights of a diagnosis with two channels or more, in the order of computation.
std::vector<ChannelRow> channel_rows(const ReportDocuments& documents) {
  std::vector<ChannelRow> rows;
  for (const Json& layer : rows_of(documents.of(ReportKind::kDiagnose), "layers")) {
    const Json& weight = member_of(layer, "weight");
    ChannelRow row{.name = text_of(weight, "name"),
                   .node = text_of(layer, "node"),
                   .position = count_of(layer, "position").value_or(0),
                   .channels = count_of(weight, "channels").value_or(0),
                   .spread = finite_of(weight, "spread").value_or(1.0)};
    for (const Json& value : rows_of(weight, "channel_absmax")) {
      if (value.is_number() && std::isfinite(value.get<double>())) {
        row.largest.push_back(std::abs(value.get<double>()));
      }
    }
    std::ranges::sort(row.largest);
    if (row.largest.size() > 1 && row.largest.back() > 0.0) {
      rows.push_back(std::move(row));
    }
  }
  std::ranges::stable_sort(rows, {}, &ChannelRow::position);
  return rows;
}

// Of each `stretch` neighbours the one with the widest spread, so that a plot has few enough.
std::vector<std::pair<size_t, const ChannelRow*>> thinned(const std::vector<ChannelRow>& rows,
                                                          size_t stretch) {
  std::vector<std::pair<size_t, const ChannelRow*>> shown;
  for (size_t begin = 0; begin < rows.size(); begin += stretch) {
    size_t worst = begin;
    for (size_t i = begin; i < std::min(begin + stretch, rows.size()); ++i) {
      worst = rows[i].spread > rows[worst].spread ? i : worst;
    }
    shown.emplace_back(worst + 1, &rows[worst]);
  }
  return shown;
}

std::string channel_plot(const std::vector<ChannelRow>& rows, size_t stretch) {
  const auto shown = thinned(rows, stretch);
  double lowest = INFINITY;
  double highest = 0.0;
  for (const auto& [position, row] : shown) {
    highest = std::max(highest, row->largest.back());
    for (const double value : row->largest) {
      lowest = value > 0.0 ? std::min(lowest, value) : lowest;
    }
  }
  SvgPlot plot(
      depth_axis(rows.size()),
      log_axis("largest |w| of a channel, logarithmic", std::max(lowest, highest * 1e-6), highest),
      240, "Ranges of the channels of each weight over its position in the network");
  const double half = 0.32 * static_cast<double>(stretch);
  std::vector<SvgPlot::Point> whiskers;
  std::vector<SvgPlot::Point> medians;
  for (const auto& [position, row] : shown) {
    const auto x = static_cast<double>(position);
    whiskers.insert(whiskers.end(),
                    {{x, row->largest.front()}, {x, row->largest.back()}, {NAN, NAN}});
    const double median = quantile(row->largest, 0.5);
    medians.insert(medians.end(), {{x - half, median}, {x + half, median}, {NAN, NAN}});
  }
  plot.line(whiskers, "fp32");
  for (const auto& [position, row] : shown) {
    const auto x = static_cast<double>(position);
    plot.bar(x - half, x + half, quantile(row->largest, 0.25), quantile(row->largest, 0.75),
             "int8");
  }
  plot.line(medians, "median");
  return plot.html();
}

std::string channel_part(const std::vector<ChannelRow>& rows) {
  if (rows.empty()) {
    return {};
  }
  const size_t stretch = (rows.size() + kShownWeights - 1) / kShownWeights;
  HtmlTable table({{"position", Kind::kNumber},
                   {"weight", Kind::kName},
                   {"node", Kind::kName},
                   {"channels", Kind::kNumber},
                   {"smallest", Kind::kNumber},
                   {"median", Kind::kNumber},
                   {"largest", Kind::kNumber},
                   {"largest / median", Kind::kNumber}});
  for (const auto& [position, row] : thinned(rows, stretch)) {
    table.add_row({count_figure(position), std::string(row->name), std::string(row->node),
                   count_figure(row->channels), figure(row->largest.front()),
                   figure(quantile(row->largest, 0.5)), figure(row->largest.back()),
                   figure(row->spread)});
  }
  return "<p class=\"lead\">Where the channels of a weight differ by much, one scale for all "
         "would waste codes; one a channel does not.</p>\n" +
         channel_plot(rows, stretch) +
         plot_legend({{"smallest to largest channel", "fp32", LegendEntry::Form::kLine},
                      {"middle half of the channels", "int8", LegendEntry::Form::kArea},
                      {"median", "median", LegendEntry::Form::kLine}}) +
         (stretch > 1 ? html_note(fmt::format(
                            "Of every {} neighbouring weights the one with the widest spread is "
                            "shown.",
                            stretch))
                      : std::string()) +
         table.folded("Data of the plot");
}

}  // namespace

HtmlSection weight_section(const ReportDocuments& documents, size_t top) {
  return {.id = "weights",
          .title = "Weights",
          .body = channel_part(channel_rows(documents)) +
                  code_table(rows_of(documents.of(ReportKind::kQuantize), "weights"), top),
          .source =
              "ptq diagnose MODEL --stats S --json-out FILE and ptq quantize MODEL … "
              "--json-out FILE"};
}

}  // namespace ptq
