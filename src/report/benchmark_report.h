#pragma once
// The product of benchmark_models as text and as a JSON document. Pure functions; any thread.

#include <string>

#include "ptq/benchmark.h"
#include "report/json_report.h"

namespace ptq {

std::string benchmark_text(const Benchmark& result, const ReportHeader& header);
std::string benchmark_json(const ReportHeader& header, const Benchmark& result);

// "1.82 x faster", "1.10 x slower".
std::string speedup_text(double speedup);

}  // namespace ptq
