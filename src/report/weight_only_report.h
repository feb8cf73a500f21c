#pragma once
// What `ptq quantize --weight-only` did, as text and as a JSON document (docs/formats.md). Pure
// functions, apart from reading the files that the document names; any thread.

#include <filesystem>
#include <string>

#include "ptq/weight_only.h"
#include "report/json_report.h"

namespace ptq {

// An empty `output`: nothing was written.
std::string weight_only_text(const WeightOnlyResult& result, const std::filesystem::path& input,
                             const std::filesystem::path& output);
std::string weight_only_json(const ReportHeader& header, const WeightOnlyResult& result,
                             const std::filesystem::path& output);

}  // namespace ptq
