#include "report/markdown_report.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "report/escape.h"
#include "report/finding_list.h"
#include "report/html_text.h"
#include "report/json_fields.h"

namespace ptq {
namespace {

constexpr size_t kMostBytes = size_t{1} << 20;
constexpr size_t kShownRows = 20;

std::string cells(std::initializer_list<std::string> texts) {
  std::string line = "|";
  for (const std::string& text : texts) {
    line += fmt::format(" {} |", markdown_text(text));
  }
  return line + "\n";
}

std::string hard_tensors(const Json& diagnose) {
  std::string rows;
  size_t hard = 0;
  for (const Json& row : rows_of(diagnose, "tensors")) {
    if (text_of(row, "severity") != "hard") {
      continue;
    }
    if (++hard <= kShownRows) {
      const auto db = number_of(row, "sqnr_db_8bit");
      rows += cells({std::string(text_of(row, "name")),
                     optional_figure(finite_of(row, "outlier_ratio")),
                     db ? decibel_figure(*db) : "–", std::string(text_of(row, "reason"))});
    }
  }
  if (hard == 0) {
    return {};
  }
  std::string out =
      "\n### Hard tensors\n\n| tensor | outlier ratio | SQNR, 8 bit | reason |\n"
      "|---|--:|--:|---|\n" +
      rows;
  return hard > kShownRows ? out + fmt::format("\n… and {} more\n", hard - kShownRows) : out;
}

std::string findings(const ReportDocuments& documents) {
  const std::vector<FindingGroup> groups = findings_by_code(documents);
  if (groups.empty()) {
    return {};
  }
  std::string out = "\n### Findings\n\n| severity | code | what | times |\n|---|---|---|--:|\n";
  for (size_t i = 0; i < std::min(groups.size(), kShownRows); ++i) {
    out += cells({std::string(groups[i].severity), std::string(groups[i].code),
                  std::string(groups[i].title), count_figure(groups[i].cases.size())});
  }
  return out;
}

std::string float_reasons(const Json& quantize) {
  std::map<std::string_view, uint64_t> reasons;
  for (const Json& row : rows_of(quantize, "decisions")) {
    if (text_of(row, "outcome") == "float") {
      ++reasons[text_of(row, "reason")];
    }
  }
  if (reasons.empty()) {
    return {};
  }
  std::vector<std::pair<std::string_view, uint64_t>> order(reasons.begin(), reasons.end());
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string out = "\n### Nodes in float\n\n| nodes | reason |\n|--:|---|\n";
  for (size_t i = 0; i < std::min(order.size(), kShownRows); ++i) {
    out += cells({count_figure(order[i].second), std::string(order[i].first)});
  }
  return out;
}

std::string coverage_gaps(const Json& coverage) {
  const Json& gaps = rows_of(coverage, "gaps");
  if (gaps.empty()) {
    return {};
  }
  std::string out =
      "\n### Coverage gaps\n\n| severity | code | tensor | what |\n|---|---|---|---|\n";
  for (size_t i = 0; i < std::min(gaps.size(), kShownRows); ++i) {
    out +=
        cells({std::string(text_of(gaps[i], "severity")), std::string(text_of(gaps[i], "code")),
               std::string(text_of(gaps[i], "tensor")), std::string(text_of(gaps[i], "message"))});
  }
  return gaps.size() > kShownRows ? out + fmt::format("\n… and {} more\n", gaps.size() - kShownRows)
                                  : out;
}

}  // namespace

std::string markdown_report(const ReportDocuments& documents, const ReportVerdict& verdict,
                            const std::string& version) {
  const std::string_view sign = verdict.state == ReportState::kPass   ? "✅ "
                                : verdict.state == ReportState::kFail ? "❌ "
                                                                      : "";
  std::string out =
      fmt::format("## {}{}: {}\n\n{}\n", sign, state_name(verdict.state),
                  markdown_text(verdict.model.empty() ? "quantization" : verdict.model, 120),
                  markdown_text(verdict.headline));
  for (const std::string& line : verdict.advice) {
    out += "\n" + markdown_text(line, 600) + "\n";
  }
  if (!verdict.figures.empty()) {
    out += "\n| | | |\n|---|--:|---|\n";
    for (const KeyFigure& figure : verdict.figures) {
      out += cells({figure.title, figure.value, figure.detail});
    }
  }
  if (!verdict.gates.empty()) {
    out += "\n### Gates\n\n";
    for (size_t i = 0; i < std::min(verdict.gates.size(), size_t{100}); ++i) {
      out += fmt::format("- {} {}\n",
                         !verdict.gates[i].passed     ? "❌"
                         : verdict.gates[i].undecided ? "❔"
                                                      : "✅",
                         markdown_text(verdict.gates[i].text));
    }
  }
  if (!verdict.warnings.empty()) {
    out += "\n### Warnings\n\n";
    for (const std::string& warning : verdict.warnings) {
      out += "- " + markdown_text(warning) + "\n";
    }
  }
  out += findings(documents) + hard_tensors(documents.of(ReportKind::kDiagnose)) +
         float_reasons(documents.of(ReportKind::kQuantize)) +
         coverage_gaps(documents.of(ReportKind::kCoverage));
  out += fmt::format("\nptq {}\n", markdown_text(version));
  if (out.size() > kMostBytes) {
    out.resize(out.rfind('\n', kMostBytes - 1) + 1);
  }
  return out;
}

}  // namespace ptq
