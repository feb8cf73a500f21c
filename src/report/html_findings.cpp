// What validation and diagnosis found, by code and with its cases, and channels that never move.

#include <fmt/format.h>

#include "report/finding_list.h"
#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;

// "3, 7, 9 …"
std::string indices_text(const Json& row, std::string_view key, uint64_t count) {
  constexpr size_t kNamed = 12;
  std::string out;
  size_t named = 0;
  for (const Json& index : rows_of(row, key)) {
    if (!index.is_number_unsigned() || named == kNamed) {
      continue;
    }
    out += (out.empty() ? "" : ", ") + std::to_string(index.get<uint64_t>());
    ++named;
  }
  return out + (count > named ? " …" : "");
}

std::string channel_table(const Json& diagnose, size_t top) {
  const Json& rows = rows_of(diagnose, "channels.still");
  if (rows.empty()) {
    return {};
  }
  HtmlTable table({{"activation", Kind::kName},
                   {"channels", Kind::kNumber},
                   {"always zero", Kind::kNumber},
                   {"which", Kind::kText},
                   {"one other value", Kind::kNumber},
                   {"which", Kind::kText}});
  for (size_t i = 0; i < shown_rows(rows.size(), top); ++i) {
    const Json& row = rows[i];
    const uint64_t zero = count_of(row, "zero_count").value_or(0);
    const uint64_t constant = count_of(row, "constant_count").value_or(0);
    table.add_row({std::string(text_of(row, "activation")),
                   optional_count(finite_of(row, "channels")), count_figure(zero),
                   indices_text(row, "zero", zero), count_figure(constant),
                   indices_text(row, "constant", constant)});
  }
  return fmt::format("<h3>Channels that never moved, over {} samples</h3>\n",
                     count_figure(count_of(diagnose, "channels.samples").value_or(0))) +
         table.html() + more_rows(rows.size(), top);
}

}  // namespace

HtmlSection finding_section(const ReportDocuments& documents, size_t top) {
  HtmlSection section{.id = "findings",
                      .title = "Findings",
                      .source =
                          "ptq diagnose MODEL --data SAMPLES --json-out FILE and ptq validate FP32 "
                          "QUANTIZED --data SAMPLES --json-out FILE"};
  const Json& diagnose = documents.of(ReportKind::kDiagnose);
  const std::vector<FindingGroup> groups = findings_by_code(documents);
  if (groups.empty()) {
    if (member_of(diagnose, "findings").is_array() ||
        member_of(documents.of(ReportKind::kValidate), "findings").is_array()) {
      section.body = html_note("Nothing was found.");
    }
    return section;
  }
  HtmlTable summary({{"severity", Kind::kSeverity},
                     {"code", Kind::kCode},
                     {"what", Kind::kText},
                     {"times", Kind::kNumber},
                     {"first case", Kind::kName},
                     {"figures", Kind::kText}});
  HtmlTable all({{"code", Kind::kCode}, {"where", Kind::kName}, {"figures", Kind::kText}});
  size_t cases = 0;
  for (const FindingGroup& group : groups) {
    const Json& first = *group.cases.front();
    summary.add_row({std::string(group.severity), std::string(group.code), std::string(group.title),
                     count_figure(group.cases.size()), std::string(text_of(first, "layer")),
                     std::string(text_of(first, "message"))});
    for (const Json* finding : group.cases) {
      if (cases++ < (top == 0 ? SIZE_MAX : 5 * top)) {
        all.add_row({std::string(group.code), std::string(text_of(*finding, "layer")),
                     std::string(text_of(*finding, "message"))});
      }
    }
  }
  section.body =
      "<p class=\"lead\"><code>ptq explain CODE</code> says what a finding means, why "
      "it matters and what to do.</p>\n" +
      summary.html() + (cases > groups.size() ? all.folded("All cases") : "") +
      (cases > all.rows() ? more_rows(cases, all.rows()) : "") + channel_table(diagnose, top);
  return section;
}

}  // namespace ptq
