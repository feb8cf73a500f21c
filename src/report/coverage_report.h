#pragma once
// What `ptq coverage` says, as text and as `ptq.coverage/1`. Pure functions; any thread.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ptq/coverage.h"
#include "ptq/selection.h"
#include "report/json_report.h"

namespace ptq {

// A limit on the worst tensor; `measured` in the unit of the limit.
struct CoverageGate {
  std::string name{};  // "clipped" (percent beyond calibration) or "range" (ratio)
  double limit = 0.0;
  double measured = 0.0;
  std::string tensor{};  // the worst; "" when there is none

  bool passed() const { return measured <= limit; }
};

// What a pool of samples does about the gaps.
struct PoolClosing {
  size_t pool_samples = 0;
  GapClosing closing{};
  std::filesystem::path output{};      // empty: nothing written
  std::vector<std::string> origins{};  // of the chosen samples
};

struct CoverageReport {
  uint64_t calibration_samples = 0;
  uint64_t production_samples = 0;
  ProductionTraits production{};
  std::vector<TensorCoverage> tensors{};  // the gravest first
  std::vector<CoverageGate> gates{};
  std::optional<PoolClosing> closing{};
};

// Gaps of all tensors, the most severe first.
std::vector<CoverageGap> all_gaps(const std::vector<TensorCoverage>& tensors);

// `top` rows of tensors and of gaps; 0: all.
std::string production_text(const CoverageReport& report, size_t top);
std::string production_json(const ReportHeader& header, const CoverageReport& report);

}  // namespace ptq
