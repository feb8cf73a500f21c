#pragma once
// What `ptq select` says, as text and as `ptq.select/1`. Pure functions; any thread.

#include <string>

#include "ptq/pipeline.h"
#include "report/json_report.h"

namespace ptq {

struct SelectionReport {
  const SampleSketches& pool;
  const Selection& selection;
  const PoolList& list;
  std::filesystem::path output{};
  uint64_t seed = 0;
};

std::string selection_text(const SelectionReport& report);
std::string selection_json(const ReportHeader& header, const SelectionReport& report);

}  // namespace ptq
