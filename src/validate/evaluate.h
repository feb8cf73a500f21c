#pragma once
// A metric that a program of the user's computes, one number a model. Called from the main thread.

#include <atomic>
#include <filesystem>
#include <string>

#include "ptq/validation.h"
#include "ptq/validation_request.h"

namespace ptq {

// The number on the last line that is not empty. Throws Error{kInput} where there is none.
double last_number(const std::string& output, const std::string& command);

// Runs the command for both models, FP32 first. Throws as run_command and last_number, and
// Error{kUsage} for a command without {model}.
MetricResult evaluate_models(const EvaluateOptions& options, const std::filesystem::path& fp32,
                             const std::filesystem::path& quantized, const std::atomic<bool>* stop);

}  // namespace ptq
