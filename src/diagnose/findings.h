#pragma once
// What a diagnosis finds, with a stable code each: one table for reports, `ptq explain` and the
// documentation. Immutable; any thread.

#include <span>
#include <string_view>

namespace ptq {

// The number is that of the code.
enum class DiagnosisCode {
  // Verdicts on the whole model.
  kOverBudget = 1,
  kMixedPrecision = 2,
  kDynamicOrWeightOnly = 3,
  kGroupWise = 4,
  // Activations.
  kLongTail = 11,
  kHardTensor = 12,
  kFewValues = 13,
  kConstantTensor = 14,
  kAllZero = 15,
  kMostlyZero = 16,
  kNotFinite = 17,
  kNeverComputed = 18,
  kFarFromZero = 19,
  kStillChannels = 20,
  // Weights.
  kChannelSpread = 21,
  kDeadChannels = 22,
  kSaturatingWeight = 23,
  kHardWeight = 24,
  kNotFiniteWeight = 25,
  // The model and the statistics as a whole.
  kTwoActivations = 31,
  kRecurrent = 32,
  kUnknownWork = 33,
  kFewSamples = 34,
  kEstimatedNoise = 35,
};

struct DiagnosisRow {
  DiagnosisCode finding;
  std::string_view code;      // "PTQ-D001"
  std::string_view severity;  // "error", "warning" or "info"
  std::string_view title;     // one line
  std::string_view meaning;   // what was found, by which rule
  std::string_view why;       // why it matters
  std::string_view remedy;    // what to do
};

std::span<const DiagnosisRow> diagnosis_rows();
const DiagnosisRow& diagnosis_row(DiagnosisCode finding);

}  // namespace ptq
