#pragma once
// Calibration statistics as text and JSON, for the verbs calibrate, merge and stats. Pure
// functions; any thread.

#include <cstddef>
#include <filesystem>
#include <string>

#include "ptq/activation_stats.h"
#include "report/json_report.h"

namespace ptq {

// Two lines: how much was measured, and where it was written.
std::string stats_written_text(const ActivationStats& stats, const std::filesystem::path& output);
// Everything about a statistics file; of the tensors, the `top` with the largest outlier ratios,
// 0 = all.
std::string stats_text(const ActivationStats& stats, size_t top);
std::string stats_json(const ReportHeader& header, const ActivationStats& stats);

}  // namespace ptq
