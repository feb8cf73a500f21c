#pragma once
// What a validation finds wrong with a quantized file or with the samples, with a stable code each:
// one table for reports, `ptq explain` and the documentation. Immutable; any thread.

#include <span>
#include <string>
#include <string_view>

#include "ptq/validation.h"

namespace ptq {

// The number is that of the code.
enum class ValidationCode {
  // Errors: the model fails whatever limits were set.
  kNotFinite = 1,
  kOutputs = 2,
  kOutputOrder = 3,
  kOutputShape = 4,
  kExchanged = 5,
  kDamagedWeight = 6,
  kSaturated = 7,
  // About the samples.
  kOverlap = 101,
  kOverlapUnknown = 102,
  kDuplicates = 103,
  // About what was not examined.
  kWeightsNotCompared = 201,
  // About how the file is run.
  kAccuracyLevel = 301,
};

struct ValidationRow {
  ValidationCode finding;
  std::string_view code;      // "PTQ-G001"
  std::string_view severity;  // "error", "warning" or "info"
  std::string_view gate;      // of an error: the gate that it misses
  std::string_view title;     // one line
  std::string_view meaning;
  std::string_view why;
  std::string_view remedy;
};

std::span<const ValidationRow> validation_rows();
ValidationFinding make_finding(ValidationCode code, std::string message);

}  // namespace ptq
