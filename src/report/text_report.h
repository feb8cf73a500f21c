#pragma once
// The products of the pipeline as text that a person likes to read on a terminal of 100 columns.
// Pure functions; any thread.

#include <filesystem>
#include <string>
#include <vector>

#include "ptq/pipeline.h"

namespace ptq {

std::string inspection_text(const Model& model, uint64_t size_bytes);
// An empty `output`: nothing was written.
std::string quantize_text(const LoadedModel& model, const Quantized& result,
                          const std::filesystem::path& input, const std::filesystem::path& output);
// Of a model none of whose nodes can run in integers: which operators, and why.
std::string coverage_text(const std::vector<Decision>& decisions);

}  // namespace ptq
