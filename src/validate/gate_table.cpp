#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "ptq/error.h"
#include "validate/findings.h"
#include "validate/gates.h"

namespace ptq {
namespace {

constexpr std::array<GateRow, 10> kRows = {{
    {.name = "findings", .judge = &judge_findings},
    {.name = "max-drop", .judge = &judge_max_drop},
    {.name = "min-agreement", .judge = &judge_agreement},
    {.name = "min-sqnr", .judge = &judge_sqnr},
    {.name = "max-error", .judge = &judge_max_error},
    {.name = "max-kl", .judge = &judge_max_kl},
    {.name = "min-size-ratio", .judge = &judge_size_ratio},
    {.name = "min-integer-share", .judge = &judge_integer_share},
    {.name = "min-speedup", .judge = &judge_speedup},
    {.name = "max-regression", .judge = &judge_regression},
}};

// The first error that was found about the file itself.
std::string known_cause(const Validation& validation) {
  for (const ValidationFinding& finding : validation.findings) {
    if (finding.severity == "error") {
      return finding.message;
    }
  }
  return {};
}

// Gates on how near the outputs are to FP32, which a damaged file misses.
bool is_about_outputs(const Gate& gate) {
  static constexpr std::array<std::string_view, 6> kNames = {
      "max-drop", "min-agreement", "min-sqnr", "max-error", "max-kl", "max-regression"};
  return std::ranges::find(kNames, gate.name) != kNames.end();
}

void apply_policy(InconclusivePolicy policy, Gate& gate, Validation& validation) {
  switch (policy) {
    case InconclusivePolicy::kFail:
      gate.blocks = true;
      break;
    case InconclusivePolicy::kPass:
      break;
    case InconclusivePolicy::kWarn:
      gate.outcome = GateOutcome::kWarn;
      validation.warnings.push_back("undecided: " + gate.text);
      break;
  }
}

}  // namespace

std::span<const GateRow> gate_rows() {
  return kRows;
}

GateOutcome pass_if(bool holds) {
  return holds ? GateOutcome::kPass : GateOutcome::kFail;
}

std::string_view outcome_name(GateOutcome outcome) {
  static constexpr std::array<std::string_view, 4> kNames = {"pass", "fail", "inconclusive",
                                                             "warn"};
  return kNames.at(static_cast<size_t>(outcome));
}

bool Validation::passed() const {
  return std::ranges::none_of(gates, &Gate::blocks);
}

std::string_view Validation::verdict() const {
  const auto blocked = [&](GateOutcome outcome) {
    return std::ranges::any_of(
        gates, [&](const Gate& gate) { return gate.blocks && gate.outcome == outcome; });
  };
  return blocked(GateOutcome::kFail) ? "FAIL" : passed() ? "PASS" : "INCONCLUSIVE";
}

void apply_gates(const ValidationLimits& limits, Validation& validation) {
  for (const GateRow& row : kRows) {
    for (Gate& gate : row.judge(limits, validation)) {
      gate.blocks = gate.outcome == GateOutcome::kFail;
      if (gate.blocks && gate.cause.empty() && is_about_outputs(gate)) {
        gate.cause = known_cause(validation);
      }
      if (gate.outcome == GateOutcome::kInconclusive) {
        apply_policy(limits.on_inconclusive, gate, validation);
      }
      validation.gates.push_back(std::move(gate));
    }
  }
}

// Errors about the file, and overlap where it is forbidden.
std::vector<Gate> judge_findings(const ValidationLimits& limits, const Validation& validation) {
  std::vector<Gate> gates;
  for (const ValidationFinding& finding : validation.findings) {
    const auto row = std::ranges::find(validation_rows(), finding.code, &ValidationRow::code);
    PTQ_CHECK(row != validation_rows().end());
    const bool overlap = row->finding == ValidationCode::kOverlap;
    if (finding.severity == "error" || (overlap && limits.forbid_overlap)) {
      gates.push_back({.name = overlap ? "forbid-overlap" : std::string(row->gate),
                       .measured = overlap ? static_cast<double>(validation.hygiene.overlap) : 1.0,
                       .outcome = GateOutcome::kFail,
                       .text = finding.message,
                       .cause = std::string(row->title)});
    }
  }
  if (limits.forbid_overlap && gates.empty() && validation.hygiene.overlap == 0) {
    gates.push_back(
        {.name = "forbid-overlap",
         .outcome = GateOutcome::kPass,
         .text = fmt::format("none of {} samples was calibrated on", validation.samples)});
  }
  return gates;
}

}  // namespace ptq
