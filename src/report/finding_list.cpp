#include "report/finding_list.h"

#include <algorithm>
#include <tuple>

#include "diagnose/findings.h"
#include "report/json_fields.h"
#include "validate/findings.h"

namespace ptq {
namespace {

int rank_of(std::string_view severity) {
  return severity == "error" ? 0 : severity == "warning" ? 1 : 2;
}

// The title in one of the tables of codes; "" where it has none.
template <typename Rows>
std::string_view title_in(const Rows& rows, std::string_view code) {
  const auto row = std::ranges::find_if(rows, [&](const auto& each) { return each.code == code; });
  return row == rows.end() ? std::string_view() : row->title;
}

std::string_view title_of(std::string_view code) {
  const std::string_view title = title_in(diagnosis_rows(), code);
  return title.empty() ? title_in(validation_rows(), code) : title;
}

}  // namespace

std::vector<FindingGroup> findings_by_code(const ReportDocuments& documents) {
  std::vector<FindingGroup> groups;
  for (const ReportKind kind : {ReportKind::kValidate, ReportKind::kDiagnose}) {
    for (const Json& finding : rows_of(documents.of(kind), "findings")) {
      const std::string_view code = text_of(finding, "code");
      auto group = std::ranges::find(groups, code, &FindingGroup::code);
      if (group == groups.end()) {
        groups.push_back(
            {.code = code, .severity = text_of(finding, "severity"), .title = title_of(code)});
        group = groups.end() - 1;
      }
      group->cases.push_back(&finding);
    }
  }
  std::ranges::stable_sort(groups, {}, [](const FindingGroup& group) {
    return std::tuple(rank_of(group.severity), group.code);
  });
  return groups;
}

}  // namespace ptq
