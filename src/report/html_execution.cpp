// What runs in integers, and the decision about every node with its reason.

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/svg_plot.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;

struct OutcomeLook {
  std::string_view outcome;
  std::string_view style;
};

// As in ptq.quantize/1; what is not in the table counts with the last.
constexpr std::array<OutcomeLook, 6> kOutcomes = {{{"integer", "s0"},
                                                   {"absorbed", "s5"},
                                                   {"float by plan", "fp32"},
                                                   {"integer against plan", "s4"},
                                                   {"float against plan", "s1"},
                                                   {"not found", "s3"}}};

size_t outcome_index(std::string_view outcome) {
  const auto found = std::ranges::find(kOutcomes, outcome, &OutcomeLook::outcome);
  return std::min(static_cast<size_t>(found - kOutcomes.begin()), kOutcomes.size() - 1);
}

struct KindRow {
  std::array<uint64_t, kOutcomes.size()> nodes{};
  double macs = 0.0;
  double integer_macs = 0.0;

  uint64_t total() const {
    uint64_t sum = 0;
    for (const uint64_t count : nodes) {
      sum += count;
    }
    return sum;
  }
};

std::string work_bar(const Json& quantize) {
  const auto integer = finite_of(quantize, "summary.macs.integer");
  const auto known = finite_of(quantize, "summary.macs.known");
  if (!integer || !known || *known <= 0.0) {
    return {};
  }
  const double rest = std::max(0.0, *known - *integer);
  std::string out =
      "<h3>Multiply-accumulates of one run</h3>\n" +
      stacked_bar(
          {{"integer", *integer,
            fmt::format("{} ({})", large_figure(*integer),
                        percent_figure(100.0 * *integer / *known)),
            "s0"},
           {"float", rest,
            fmt::format("{} ({})", large_figure(rest), percent_figure(100.0 * rest / *known)),
            "fp32"}},
          "Share of multiply-accumulates in integers");
  const auto unknown = count_of(quantize, "summary.macs.unknown_products");
  if (unknown && *unknown > 0) {
    out += html_note(
        fmt::format("{} more products could not be counted: their shapes are open.", *unknown));
  }
  return out;
}

std::string kind_table(const Json& kernels, size_t top) {
  std::map<std::string_view, KindRow> kinds;
  KindRow all;
  for (const Json& row : kernels) {
    KindRow& kind = kinds[text_of(row, "op_type")];
    const size_t outcome = outcome_index(text_of(row, "outcome"));
    const double macs = finite_of(row, "macs").value_or(0.0);
    for (KindRow* sum : {&kind, &all}) {
      ++sum->nodes[outcome];
      sum->macs += macs;
      sum->integer_macs += outcome == 0 ? macs : 0.0;
    }
  }
  std::vector<std::pair<std::string_view, KindRow>> order(kinds.begin(), kinds.end());
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) {
    return std::pair(a.second.macs, a.second.total()) > std::pair(b.second.macs, b.second.total());
  });
  std::vector<BarShare> shares;
  for (size_t i = 0; i < kOutcomes.size(); ++i) {
    shares.push_back({std::string(kOutcomes[i].outcome), static_cast<double>(all.nodes[i]),
                      count_figure(all.nodes[i]), std::string(kOutcomes[i].style)});
  }
  HtmlTable table({{"operator", Kind::kName},
                   {"nodes", Kind::kNumber},
                   {"integer", Kind::kNumber},
                   {"absorbed", Kind::kNumber},
                   {"float", Kind::kNumber},
                   {"multiply-accumulates", Kind::kNumber},
                   {"of them in integers", Kind::kNumber}});
  for (size_t i = 0; i < shown_rows(order.size(), top); ++i) {
    const auto& [op_type, row] = order[i];
    const uint64_t integer = row.nodes[0] + row.nodes[3];
    table.add_row({std::string(op_type), count_figure(row.total()), count_figure(integer),
                   count_figure(row.nodes[1]), count_figure(row.total() - integer - row.nodes[1]),
                   row.macs > 0.0 ? large_figure(row.macs) : "–",
                   row.macs > 0.0 ? percent_figure(100.0 * row.integer_macs / row.macs) : "–"});
  }
  return "<h3>Nodes</h3>\n" + stacked_bar(shares, "Nodes by what became of them") + table.html() +
         more_rows(order.size(), top);
}

// What deserves to be read first.
int decision_rank(const Json& row) {
  const std::string_view outcome = text_of(row, "outcome");
  return outcome == "float" ? 0 : outcome == "weight-only" ? 1 : 2;
}

std::string reason_summary(const Json& decisions, size_t top) {
  std::map<std::string_view, uint64_t> reasons;
  for (const Json& row : decisions) {
    if (decision_rank(row) == 0) {
      ++reasons[text_of(row, "reason")];
    }
  }
  if (reasons.empty()) {
    return {};
  }
  std::vector<std::pair<std::string_view, uint64_t>> order(reasons.begin(), reasons.end());
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.second > b.second; });
  HtmlTable table({{"nodes in float", Kind::kNumber}, {"reason", Kind::kText}});
  for (size_t i = 0; i < shown_rows(order.size(), top); ++i) {
    table.add_row({count_figure(order[i].second), std::string(order[i].first)});
  }
  return "<h3>Why nodes stay in float</h3>\n" + table.html() + more_rows(order.size(), top);
}

}  // namespace

HtmlSection integer_section(const ReportDocuments& documents, size_t top) {
  HtmlSection section{.id = "integers",
                      .title = "What runs in integers",
                      .source = "ptq quantize MODEL … --json-out FILE"};
  const Json& quantize = documents.of(ReportKind::kQuantize);
  const Json& kernels = rows_of(quantize, "kernels");
  section.body = work_bar(quantize);
  if (!kernels.empty()) {
    section.body += kind_table(kernels, top);
  }
  return section;
}

HtmlSection decision_section(const ReportDocuments& documents, size_t top) {
  HtmlSection section{.id = "decisions",
                      .title = "Decisions and reasons",
                      .source = "ptq quantize MODEL … --json-out FILE"};
  const Json& quantize = documents.of(ReportKind::kQuantize);
  const Json& decisions = rows_of(quantize, "decisions");
  const Json& activations = rows_of(quantize, "activations");
  section.body = reason_summary(decisions, top);
  if (!decisions.empty()) {
    std::vector<const Json*> order;
    for (const Json& row : decisions) {
      order.push_back(&row);
    }
    std::ranges::stable_sort(order, {}, [](const Json* row) { return decision_rank(*row); });
    HtmlTable table({{"node", Kind::kName},
                     {"operator", Kind::kText},
                     {"outcome", Kind::kText},
                     {"reason", Kind::kText}});
    for (size_t i = 0; i < shown_rows(order.size(), top); ++i) {
      const Json& row = *order[i];
      table.add_row({std::string(text_of(row, "node")), std::string(text_of(row, "op_type")),
                     std::string(text_of(row, "outcome")), std::string(text_of(row, "reason"))});
    }
    section.body +=
        "<h3>Nodes, those in float first</h3>\n" + table.html() + more_rows(order.size(), top);
  }
  if (!activations.empty()) {
    HtmlTable table({{"activation", Kind::kName},
                     {"scale", Kind::kNumber},
                     {"zero point", Kind::kNumber},
                     {"estimator", Kind::kText},
                     {"reason", Kind::kText}});
    for (size_t i = 0; i < shown_rows(activations.size(), top); ++i) {
      const Json& row = activations[i];
      table.add_row({std::string(text_of(row, "name")), optional_figure(number_of(row, "scale"), 4),
                     fixed_figure(number_of(row, "zero_point").value_or(NAN), 0),
                     std::string(text_of(row, "estimator")), std::string(text_of(row, "reason"))});
    }
    section.body += "<h3>Parameters of the activations</h3>\n" + table.html() +
                    more_rows(activations.size(), top);
  }
  return section;
}

}  // namespace ptq
