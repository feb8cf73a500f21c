#pragma once
// The limits that a validation can be held against, one row each in gate_table.cpp. Pure functions;
// any thread.

#include <span>
#include <string_view>
#include <vector>

#include "ptq/validation.h"
#include "ptq/validation_request.h"

namespace ptq {

struct GateRow {
  std::string_view name;  // that of its option
  // Gates that follow from the limits that are set; none when they are not. Throws Error{kUsage}
  // when a limit has nothing to be measured on.
  std::vector<Gate> (*judge)(const ValidationLimits& limits, const Validation& validation);
};

std::span<const GateRow> gate_rows();

// Judges `validation` with every row, says of failures what is known about their cause, and decides
// by the policy which undecided gates block.
void apply_gates(const ValidationLimits& limits, Validation& validation);

// Rows of the table, in files of their own.
std::vector<Gate> judge_findings(const ValidationLimits& limits, const Validation& validation);
std::vector<Gate> judge_max_drop(const ValidationLimits& limits, const Validation& validation);
std::vector<Gate> judge_agreement(const ValidationLimits& limits, const Validation& validation);
std::vector<Gate> judge_sqnr(const ValidationLimits& limits, const Validation& validation);
std::vector<Gate> judge_max_error(const ValidationLimits& limits, const Validation& validation);
std::vector<Gate> judge_max_kl(const ValidationLimits& limits, const Validation& validation);
std::vector<Gate> judge_size_ratio(const ValidationLimits& limits, const Validation& validation);
std::vector<Gate> judge_integer_share(const ValidationLimits& limits, const Validation& validation);
std::vector<Gate> judge_speedup(const ValidationLimits& limits, const Validation& validation);
std::vector<Gate> judge_regression(const ValidationLimits& limits, const Validation& validation);

// What they share: pass or fail of one figure.
GateOutcome pass_if(bool holds);

}  // namespace ptq
