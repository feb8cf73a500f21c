#pragma once
// The documents that a report is made of: read, checked to be of ptq and of one model, sorted by
// what they are about, and without the folders of the machine they come from. Called by `ptq
// report`; one thread.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "report/json_document.h"

namespace ptq {

// What a document is about. The order is that of the list of sources in a report, whatever the
// order of the files.
enum class ReportKind { kData, kStats, kDiagnose, kQuantize, kValidate, kBench, kCoverage, kError };

struct ReportSource {
  std::filesystem::path path{};
  std::string schema{};
  ReportKind kind = ReportKind::kError;
  Json json{};
};

struct ReportDocuments {
  std::vector<ReportSource> sources{};  // by kind, then schema and path

  // The document of a kind; a null value where none was given. Of several about statistics, the
  // first that has histograms.
  const Json& of(ReportKind kind) const;
  bool has(ReportKind kind) const { return !of(kind).is_null(); }
};

// Throws Error{kUsage} without files or for two documents of one verb, Error{kInput} for a file
// that is no document of ptq, one that has no place in a report, or documents of different models
// or quantized files, by their fingerprints where they have them.
ReportDocuments read_report_documents(const std::vector<std::filesystem::path>& paths);

}  // namespace ptq
