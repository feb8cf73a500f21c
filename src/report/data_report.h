#pragma once
// What `ptq data check` prints, as text and as a JSON document. Pure functions; any thread.

#include <string>

#include "ptq/data_check.h"
#include "report/json_report.h"

namespace ptq {

std::string data_check_text(const DataCheck& check);
// Schema ptq.data_check/1.
std::string data_check_json(const ReportHeader& header, const DataCheck& check);

}  // namespace ptq
