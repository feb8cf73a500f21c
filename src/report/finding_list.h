#pragma once
// The findings of a validation and a diagnosis by code, for the page and for Markdown. Pure
// functions; any thread. Views live as long as the documents.

#include <string_view>
#include <vector>

#include "report/report_documents.h"

namespace ptq {

struct FindingGroup {
  std::string_view code{};
  std::string_view severity{};
  std::string_view title{};          // of the table of codes; "" for a code that this ptq lacks
  std::vector<const Json*> cases{};  // objects with layer and message, never empty
};

// Errors first, then warnings; within a severity by code.
std::vector<FindingGroup> findings_by_code(const ReportDocuments& documents);

}  // namespace ptq
