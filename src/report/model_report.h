#pragma once
// A report on one model, made from the JSON documents of other verbs: a page that needs no network
// and no script, and a summary in Markdown for a CI job. Called by `ptq report`; one thread. The
// same documents give the same bytes, whatever their order.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "report/json_report.h"

namespace ptq {

struct ModelReport {
  std::string html{};
  std::string markdown{};  // at most 1 MiB
  std::string state{};     // "PASS", "FAIL" or "MEASURED", of the documents
  std::string model{};     // name of the model file; "" when no document names it
  size_t documents = 0;
};

inline constexpr size_t kReportTop = 40;

// Tables are cut after `top` rows (0: none is), plots after a number of points that does not depend
// on the model. Throws Error as read_report_documents does.
ModelReport model_report(const std::vector<std::filesystem::path>& documents,
                         const std::string& version, size_t top = kReportTop);

// Schema ptq.report/1: what was written, and what the documents say.
std::string report_json(const ReportHeader& header, const ModelReport& report);

}  // namespace ptq
