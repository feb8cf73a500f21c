#include "coverage/findings.h"

#include <algorithm>
#include <array>

#include "ptq/error.h"

namespace ptq {
namespace {

constexpr std::array<CoverageFindingRow, 12> kRows = {{
    {"PTQ-V001", "error", "production holds NaN or infinity",
     "Values that are not finite were met in production.",
     "No range can hold them; codes of such values mean nothing.",
     "Find the input that causes them; `ptq data check` names samples that hold them."},
    {"PTQ-V002", "error", "no range for values that production has",
     "Calibration saw only zeros or never computed the tensor, production has other values.",
     "The range is empty, so every value of production becomes zero, or the nodes around stay in "
     "float.",
     "Calibrate with samples that make this part of the model work; `ptq coverage --pool` finds "
     "them."},
    {"PTQ-V003", "error", "more than 1 % of production is clipped",
     "The share of production values outside of the range that `quantize` would choose, beyond "
     "what "
     "it clips on purpose, is above 1 %.",
     "Clipped values carry an error of their whole excess; at this share it shows at the output.",
     "Add samples like those of production; `ptq coverage --pool` chooses them."},
    {"PTQ-V004", "error", "production reaches twice as far as calibration",
     "The largest value of production is at least twice the largest one that calibration saw, on "
     "one side of zero.",
     "Whatever the estimator does, values that far out were never seen; the most active features "
     "saturate.",
     "Add the samples that cause them, or leave the layer in float (--keep-float)."},
    {"PTQ-V101", "warning", "more than 0.1 % of production is clipped",
     "The share of production values outside of the range that `quantize` would choose, beyond "
     "what "
     "it clips on purpose, is above 0.1 %.",
     "Single samples lose accuracy although the mean looks fine.",
     "Add samples like those of production; `ptq coverage --pool` chooses them."},
    {"PTQ-V102", "warning", "production reaches 20 % further than calibration",
     "The largest value of production exceeds the largest one that calibration saw by a fifth or "
     "more, on one side of zero.",
     "The calibration set does not hold the extreme inputs of production.",
     "Add the samples that cause them; `ptq coverage --pool` and `ptq select` choose by extremes."},
    {"PTQ-V103", "warning", "the distribution moved",
     "The cumulated shares of both distributions differ by more than a tenth.",
     "Estimators that weigh all values (mse, percentile, kl) were fitted to other data, and means "
     "that rounding and bias correction keep are others.",
     "Calibrate on a share of production data; check that preprocessing is the same."},
    {"PTQ-V104", "info", "production uses less than half of the range",
     "The largest values of production stay below half of the range on both sides.",
     "At least one bit of eight is spent on values that do not occur.",
     "Remove samples that production never sees from the calibration set."},
    {"PTQ-V201", "warning", "one stratum alone sets the range",
     "The largest value of one stratum is more than 1.5 times that of every other one.",
     "All other inputs are quantized with a step that this stratum makes coarser.",
     "Check that its samples are real; if they are, clipping (mse) or float for this layer "
     "spares the others."},
    {"PTQ-V202", "warning", "one stratum never reaches the range",
     "The largest value of one stratum is less than half of that of every other one.",
     "Its inputs use less than half of the codes, so they lose at least one bit.",
     "Look at the accuracy of this stratum by itself after quantizing."},
    {"PTQ-V301", "warning", "the range has not settled",
     "The largest value is expected to grow by more than 5 % when the number of samples doubles.",
     "Data that calibration did not see will be clipped.",
     "Add the number of samples that the report names, or choose better ones with `ptq select`."},
    {"PTQ-V302", "warning", "samples that occur more than once",
     "Some samples are equal, byte for byte.", "They count twice and show nothing new.",
     "Remove the copies; `ptq data check` names them."},
}};

}  // namespace

std::span<const CoverageFindingRow> coverage_findings() {
  return kRows;
}

const CoverageFindingRow& coverage_finding(std::string_view code) {
  const auto* row = std::ranges::find(kRows, code, &CoverageFindingRow::code);
  PTQ_CHECK(row != kRows.end());
  return *row;
}

int severity_rank(std::string_view severity) {
  return severity == "error" ? 0 : severity == "warning" ? 1 : 2;
}

}  // namespace ptq
