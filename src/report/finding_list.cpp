#include "report/finding_list.h"

#include <algorithm>
#include <tuple>

#include "diagnose/findings.h"
#include "report/json_fields.h"

namespace ptq {
namespace {

int rank_of(std::string_view severity) {
  return severity == "error" ? 0 : severity == "warning" ? 1 : 2;
}

}  // namespace

std::vector<FindingGroup> findings_by_code(const ReportDocuments& documents) {
  std::vector<FindingGroup> groups;
  for (const Json& finding : rows_of(documents.of(ReportKind::kDiagnose), "findings")) {
    const std::string_view code = text_of(finding, "code");
    auto group = std::ranges::find(groups, code, &FindingGroup::code);
    if (group == groups.end()) {
      const auto row = std::ranges::find(diagnosis_rows(), code, &DiagnosisRow::code);
      groups.push_back({.code = code,
                        .severity = text_of(finding, "severity"),
                        .title = row == diagnosis_rows().end() ? "" : row->title});
      group = groups.end() - 1;
    }
    group->cases.push_back(&finding);
  }
  std::ranges::stable_sort(groups, {}, [](const FindingGroup& group) {
    return std::tuple(rank_of(group.severity), group.code);
  });
  return groups;
}

}  // namespace ptq
