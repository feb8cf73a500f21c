#pragma once
// A validation as text and as a JSON document (docs/formats.md lists the fields), and the part of
// such a document that a later validation is held against. Pure functions, apart from reading the
// baseline; any thread.

#include <filesystem>
#include <string>

#include "ptq/validation.h"
#include "ptq/validation_request.h"
#include "report/json_report.h"

namespace ptq {

std::string validation_text(const Validation& validation);
std::string validation_json(const ReportHeader& header, const Validation& validation);

// "top-1 91.05 -> 90.95 %  SQNR 34.1 dB  3 gate(s)", what stands behind the verdict in the last
// line.
std::string validation_figures(const Validation& validation);

// From a ptq.validate/1 document. Throws Error{kInput} for a file that is none.
ValidationBaseline read_baseline(const std::filesystem::path& path);

}  // namespace ptq
