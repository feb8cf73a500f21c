#pragma once
// The products of the pipeline as JSON documents (docs/formats.md lists the fields). Each function
// returns one document, indented by two spaces, the same bytes for the same product. Numbers that
// JSON lacks are the strings "NaN", "Infinity", "-Infinity". Pure functions; any thread.

#include <filesystem>
#include <string>
#include <vector>

#include "ptq/pipeline.h"

namespace ptq {

struct ReportHeader {
  std::string verb{};
  std::string version{};
  std::vector<std::filesystem::path> inputs{};
  std::vector<std::string> warnings{};
  std::vector<std::string> cpu_features{};
  std::string runtime_version{};  // empty: the runtime was not used
  bool passed = true;             // false: the verb ends in exit code 1
};

std::string inspection_json(const ReportHeader& header, const Model& model);
// An empty `output`: nothing was written.
std::string quantize_json(const ReportHeader& header, const LoadedModel& model,
                          const Quantized& result, const std::filesystem::path& output);
// Of a model none of whose nodes can run in integers.
std::string coverage_json(const ReportHeader& header, const LoadedModel& model,
                          const std::vector<Decision>& decisions);
// The tables of `ptq list`.
std::string tables_json(const ReportHeader& header);
// {"schema": "ptq.error/1", "status": "error", …} for a verb that ended in an Error.
std::string error_json(const std::string& verb, int exit_code, const std::string& message);

}  // namespace ptq
