#include "report/explain_report.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "core/nearest_name.h"
#include "data/findings.h"
#include "diagnose/findings.h"
#include "ptq/coverage.h"
#include "ptq/error.h"
#include "report/json_document.h"
#include "report/table.h"
#include "validate/findings.h"

namespace ptq {
namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  });
  return out;
}

// `text` in lines of at most 90 columns, each behind two spaces.
std::string wrapped(std::string_view text) {
  constexpr size_t kColumns = 90;
  std::string out;
  std::string line;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (!line.empty() && line.size() + 1 + end > kColumns) {
      out += "  " + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return out + "  " + line + "\n";
}

}  // namespace

std::vector<Explanation> all_explanations() {
  std::vector<Explanation> out;
  for (const DiagnosisRow& row : diagnosis_rows()) {
    out.push_back({row.code, row.severity, row.title, row.meaning, row.why, row.remedy});
  }
  for (const DataFindingRow& row : data_findings()) {
    out.push_back({row.code, row.severity, row.meaning, "", row.why, row.remedy});
  }
  for (const CoverageFindingRow& row : coverage_findings()) {
    out.push_back({row.code, row.severity, row.title, row.meaning, row.why, row.remedy});
  }
  for (const ValidationRow& row : validation_rows()) {
    out.push_back({row.code, row.severity, row.title, row.meaning, row.why, row.remedy});
  }
  return out;
}

Explanation find_explanation(std::string_view code) {
  const std::string wanted = upper(code);
  std::vector<std::string> codes;
  for (const Explanation& row : all_explanations()) {
    if (row.code == wanted) {
      return row;
    }
    codes.emplace_back(row.code);
  }
  const std::string hint = nearest_name(wanted, codes);
  throw Error(ErrorCode::kUsage,
              fmt::format("there is no finding {}{}; `ptq explain` lists all", printable(code, 40),
                          hint.empty() ? "" : "; did you mean " + hint + "?"));
}

std::string explanations_text(const std::vector<Explanation>& rows) {
  TextTable table({{"code"}, {"severity"}, {"what it is", TextTable::Align::kLeft, 90}});
  for (const Explanation& row : rows) {
    table.add_row({std::string(row.code), std::string(row.severity), std::string(row.title)});
  }
  return table.text() + "  ptq explain CODE says why it matters and what to do.\n";
}

std::string explanation_text(const Explanation& row) {
  std::string out = fmt::format("{} ({}): {}\n", row.code, row.severity, row.title);
  if (!row.meaning.empty()) {
    out += "what it means\n" + wrapped(row.meaning);
  }
  return out + "why it matters\n" + wrapped(row.why) + "what to do\n" + wrapped(row.remedy);
}

std::string explanations_json(const ReportHeader& header, const std::vector<Explanation>& rows) {
  Json document = start_document(header);
  document["findings"] = Json::array();
  for (const Explanation& row : rows) {
    document["findings"].push_back({{"code", row.code},
                                    {"severity", row.severity},
                                    {"title", row.title},
                                    {"meaning", row.meaning},
                                    {"why", row.why},
                                    {"remedy", row.remedy}});
  }
  return dump(document);
}

}  // namespace ptq
