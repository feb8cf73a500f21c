#include "validate/findings.h"

#include <algorithm>
#include <array>

#include "ptq/error.h"

namespace ptq {
namespace {

using F = ValidationCode;

constexpr std::array<ValidationRow, 12> kRows = {{
    {F::kNotFinite, "PTQ-G001", "error", "finite", "NaN or infinity in an output",
     "The quantized model gives NaN or infinity where FP32 gives a number.",
     "Everything behind such an output is undefined.",
     "Look for a scale that is zero or not finite, and for a division or logarithm behind a value "
     "that became 0; leave that layer in float (--keep-float)."},
    {F::kOutputs, "PTQ-G002", "error", "outputs", "outputs that only one model has",
     "An output of FP32 is missing in the quantized model, or there is one more.",
     "Programs that ask for it by name or position fail or read another one.",
     "Quantize again with a tool that keeps the signature of the model."},
    {F::kOutputOrder, "PTQ-G003", "error", "outputs", "outputs in another order",
     "Both models have the same outputs, but not in the same order.",
     "Programs that read outputs by position take one for the other.",
     "Write the outputs in the order of the FP32 model."},
    {F::kOutputShape, "PTQ-G004", "error", "outputs", "an output of another shape",
     "For the same sample an output has another shape than that of FP32.",
     "Its values cannot be compared, and programs that read it go wrong.",
     "Check Reshape and Transpose nodes around the quantized operators."},
    {F::kExchanged, "PTQ-G005", "error", "outputs", "two outputs whose contents changed places",
     "Each of two outputs fits the FP32 values of the other by at least 10 dB and 10 dB better "
     "than its own.",
     "The names say one thing and the values another.",
     "Exchange the two names in the quantized file."},
    {F::kDamagedWeight, "PTQ-G006", "error", "weights", "a damaged weight channel",
     "Of a weight whose channels else agree with FP32, single channels do not: below 3 dB and more "
     "than 15 dB under the median.",
     "The feature that this channel computes is wrong for every input, however small the error of "
     "the mean output is.",
     "Quantize again; if it stays, the scale or the codes of this channel are written wrongly."},
    {F::kSaturated, "PTQ-G007", "error", "activations", "an activation that its codes cut off",
     "Values that FP32 computes lie outside of what the codes represent, so that clipping alone "
     "leaves less than 15 dB.",
     "The largest activations, those that carry decisions, all become the same value.",
     "Calibrate again with samples like these, or with another estimator (--estimator absmax)."},
    {F::kOverlap, "PTQ-G101", "warning", "", "samples that were calibrated on",
     "Samples of the validation were also used for calibration; compared by the hash of what the "
     "model is fed.",
     "Ranges were fitted to them, so the loss on new data is larger than what is measured.",
     "Validate on samples that calibration did not see; --forbid-overlap makes this an error."},
    {F::kOverlapUnknown, "PTQ-G102", "info", "", "it was not checked what was calibrated on",
     "Neither the statistics nor the samples of calibration were given.",
     "Nobody knows whether the figures are of new data.",
     "Give --stats FILE or --calibration SAMPLES."},
    {F::kDuplicates, "PTQ-G103", "warning", "", "samples that occur more than once",
     "Samples are equal to an earlier one.",
     "They count several times, and intervals become narrower than they are.",
     "Remove the copies."},
    {F::kWeightsNotCompared, "PTQ-G201", "info", "", "no weight could be compared with FP32",
     "No product of the quantized file has codes that belong to a weight of FP32.",
     "A damaged channel would show at the outputs only.",
     "Files whose weights were changed by training or rounding search are compared at their "
     "outputs; "
     "nothing to do."},
    {F::kAccuracyLevel, "PTQ-G301", "warning", "", "8-bit activations cost more than the weights",
     "ONNX Runtime rounds the activations in front of block-wise weights to 8 bits by itself, and "
     "that makes more noise at an output than the weights do.",
     "The accuracy that the weights allow is not reached at the runtime's own setting.",
     "Set session.qdq_matmulnbits_accuracy_level to 0 where the file is run, and validate with "
     "--accuracy-level 0; that costs time."},
}};

}  // namespace

std::span<const ValidationRow> validation_rows() {
  return kRows;
}

ValidationFinding make_finding(ValidationCode code, std::string message) {
  const auto* row = std::ranges::find(kRows, code, &ValidationRow::finding);
  PTQ_CHECK(row != kRows.end());
  return {.code = std::string(row->code),
          .severity = std::string(row->severity),
          .message = std::move(message)};
}

}  // namespace ptq
