#pragma once
// The summary of a report in Markdown, for the page of a CI job. Pure functions; any thread.

#include <string>
#include <string_view>

#include "report/report_documents.h"
#include "report/report_verdict.h"

namespace ptq {

// Foreign text inside Markdown: control characters and marks of writing direction replaced, HTML
// and Markdown signs escaped, "::" taken apart, since a CI system reads commands in it.
std::string markdown_text(std::string_view text, size_t max_size = 300);

// At most 1 MiB, ended at a line.
std::string markdown_report(const ReportDocuments& documents, const ReportVerdict& verdict,
                            const std::string& version);

}  // namespace ptq
