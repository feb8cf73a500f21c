#pragma once
// What `ptq instrument` did, as text and as `ptq.instrument/1`. Pure functions; any thread.

#include <filesystem>
#include <string>

#include "ptq/pipeline.h"
#include "report/json_report.h"

namespace ptq {

std::string instrument_text(const Instrumented& result, const InstrumentRequest& request,
                            const std::filesystem::path& output);
std::string instrument_json(const ReportHeader& header, const LoadedModel& model,
                            const Instrumented& result, const InstrumentRequest& request,
                            const std::filesystem::path& output);

}  // namespace ptq
