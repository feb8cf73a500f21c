#pragma once
// The summary of a report in Markdown, for the page of a CI job. Pure functions; any thread.

#include <string>

#include "report/report_documents.h"
#include "report/report_verdict.h"

namespace ptq {

// At most 1 MiB, ended at a line.
std::string markdown_report(const ReportDocuments& documents, const ReportVerdict& verdict,
                            const std::string& version);

}  // namespace ptq
