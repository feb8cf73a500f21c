// Largest magnitude of each tensor by stratum of the data, over the depth of the network.

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "report/depth_order.h"
#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/svg_plot.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;

constexpr size_t kShownStrata = 6;  // as many as the style has colours

struct StratumLine {
  std::string_view name{};
  uint64_t samples = 0;
  std::map<std::string_view, double> largest{};  // |x| by tensor
  size_t leads = 0;                              // tensors whose maximum it alone sets
};

std::vector<StratumLine> strata_of(const Json& stats) {
  std::vector<StratumLine> strata;
  for (const Json& row : rows_of(stats, "strata")) {
    StratumLine stratum{.name = text_of(row, "name"),
                        .samples = count_of(row, "samples").value_or(0)};
    for (const Json& extreme : rows_of(row, "extremes")) {
      const auto min = finite_of(extreme, "min");
      const auto max = finite_of(extreme, "max");
      if (min && max) {
        stratum.largest[text_of(extreme, "name")] = std::max(std::abs(*min), std::abs(*max));
      }
    }
    strata.push_back(std::move(stratum));
  }
  return strata;
}

void count_leads(std::vector<StratumLine>& strata) {
  std::map<std::string_view, std::pair<double, StratumLine*>> best;
  for (StratumLine& stratum : strata) {
    for (const auto& [name, largest] : stratum.largest) {
      auto& entry = best[name];
      if (entry.second == nullptr || largest > entry.first) {
        entry = {largest, &stratum};
      }
    }
  }
  for (const auto& [name, entry] : best) {
    ++entry.second->leads;
  }
}

std::string name_of(const StratumLine& stratum) {
  return stratum.name.empty() ? "(none)" : std::string(stratum.name);
}

std::string strata_table(const DepthRows& depth, const std::vector<StratumLine>& strata,
                         size_t shown) {
  std::vector<HtmlTable::Column> columns = {{"position", Kind::kNumber}, {"tensor", Kind::kName}};
  for (size_t i = 0; i < shown; ++i) {
    columns.push_back({name_of(strata[i]).substr(0, 40), Kind::kNumber});
  }
  HtmlTable table(columns);
  for (const DepthRow& entry : depth.rows) {
    const std::string_view name = text_of(*entry.row, "name");
    std::vector<std::string> cells = {count_figure(entry.position), std::string(name)};
    for (size_t i = 0; i < shown; ++i) {
      const auto found = strata[i].largest.find(name);
      cells.push_back(found == strata[i].largest.end() ? "–" : figure(found->second));
    }
    table.add_row(cells);
  }
  return table.folded("Data of the plot");
}

std::string summary_table(const std::vector<StratumLine>& strata, size_t top) {
  HtmlTable table({{"stratum", Kind::kName},
                   {"samples", Kind::kNumber},
                   {"tensors whose maximum it sets", Kind::kNumber}});
  for (size_t i = 0; i < shown_rows(strata.size(), top); ++i) {
    table.add_row(
        {name_of(strata[i]), count_figure(strata[i].samples), count_figure(strata[i].leads)});
  }
  return table.html() + more_rows(strata.size(), top);
}

std::string strata_plot(const DepthRows& depth, const std::vector<StratumLine>& strata,
                        size_t shown) {
  double lowest = INFINITY;
  double highest = 0.0;
  for (size_t i = 0; i < shown; ++i) {
    for (const DepthRow& entry : depth.rows) {
      const auto found = strata[i].largest.find(text_of(*entry.row, "name"));
      if (found != strata[i].largest.end() && found->second > 0.0) {
        lowest = std::min(lowest, found->second);
        highest = std::max(highest, found->second);
      }
    }
  }
  if (!(highest > 0.0)) {
    return {};
  }
  lowest = std::max(lowest, highest * 1e-8);
  SvgPlot plot(depth_axis(depth.total), log_axis("largest |x|, logarithmic", lowest, highest), 260,
               "Largest magnitude of each tensor, one line for each stratum");
  std::vector<LegendEntry> legend;
  for (size_t i = shown; i-- > 0;) {
    std::vector<SvgPlot::Point> points;
    for (const DepthRow& entry : depth.rows) {
      const auto found = strata[i].largest.find(text_of(*entry.row, "name"));
      points.emplace_back(static_cast<double>(entry.position),
                          found == strata[i].largest.end() ? NAN : found->second);
    }
    plot.line(points, fmt::format("s{}", i));
  }
  for (size_t i = 0; i < shown; ++i) {
    legend.push_back({name_of(strata[i]), fmt::format("s{}", i), LegendEntry::Form::kLine});
  }
  return plot.html() + plot_legend(legend);
}

}  // namespace

HtmlSection strata_section(const ReportDocuments& documents, size_t top) {
  HtmlSection section{.id = "strata",
                      .title = "Maxima by stratum",
                      .source =
                          "ptq calibrate --data FOLDER --json-out FILE, where FOLDER has a "
                          "subfolder for each kind of sample"};
  const Json& stats = documents.of(ReportKind::kStats);
  std::vector<StratumLine> strata = strata_of(stats);
  if (strata.size() < 2) {
    return section;
  }
  count_leads(strata);
  std::ranges::stable_sort(strata, std::greater(), &StratumLine::leads);
  const size_t shown = std::min(strata.size(), kShownStrata);
  const DepthRows depth =
      in_depth_order(rows_of(stats, "tensors"), documents, [&](const Json& row) {
        double largest = 0.0;
        double smallest = INFINITY;
        for (size_t i = 0; i < shown; ++i) {
          const auto found = strata[i].largest.find(text_of(row, "name"));
          if (found != strata[i].largest.end()) {
            largest = std::max(largest, found->second);
            smallest = std::min(smallest, found->second);
          }
        }
        return largest / std::max(smallest, 1e-30);  // where strata differ most
      });
  section.body =
      "<p class=\"lead\">Where one line lies far above the others, one kind of sample "
      "sets the range for all.</p>\n" +
      strata_plot(depth, strata, shown);
  if (shown < strata.size()) {
    section.body += html_note(
        fmt::format("The {} strata that set the most maxima, of {}.", shown, strata.size()));
  }
  section.body +=
      note_if(depth_note(depth)) + summary_table(strata, top) + strata_table(depth, strata, shown);
  return section;
}

}  // namespace ptq
