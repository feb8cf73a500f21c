#pragma once
// The sections of a report page. Each shows what is in the documents, and where nothing is, which
// verb would fill it. All names and figures in `body` are escaped. Pure functions; any thread.

#include <cstddef>
#include <string>
#include <string_view>

#include "report/report_documents.h"
#include "report/report_verdict.h"

namespace ptq {

struct HtmlSection {
  std::string_view id;
  std::string_view title;
  std::string body{};         // empty: nothing in the documents
  std::string_view source{};  // what would fill it: "`ptq bench --json-out FILE`"
};

// How many rows of a table are shown; top 0 = all.
size_t shown_rows(size_t rows, size_t top);
// "and 12 more (--top)" below a table that is cut; else "".
std::string more_rows(size_t rows, size_t top);

HtmlSection verdict_section(const ReportVerdict& verdict);
HtmlSection size_and_speed_section(const ReportDocuments& documents, size_t top);
HtmlSection accuracy_section(const ReportDocuments& documents, size_t top);
HtmlSection outlier_section(const ReportDocuments& documents, size_t top);
HtmlSection histogram_section(const ReportDocuments& documents, size_t top);
HtmlSection bit_width_section(const ReportDocuments& documents, size_t top);
HtmlSection weight_section(const ReportDocuments& documents, size_t top);
HtmlSection finding_section(const ReportDocuments& documents, size_t top);
HtmlSection noise_section(const ReportDocuments& documents);
HtmlSection strata_section(const ReportDocuments& documents, size_t top);
HtmlSection coverage_section(const ReportDocuments& documents, size_t top);
HtmlSection integer_section(const ReportDocuments& documents, size_t top);
HtmlSection decision_section(const ReportDocuments& documents, size_t top);
HtmlSection sample_section(const ReportDocuments& documents, size_t top);
HtmlSection source_section(const ReportDocuments& documents);

}  // namespace ptq
