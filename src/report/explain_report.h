#pragma once
// What the codes of findings mean: the tables of all rooms together, for `ptq explain`. Pure; any
// thread.

#include <string>
#include <string_view>
#include <vector>

#include "report/json_report.h"

namespace ptq {

struct Explanation {
  std::string_view code;
  std::string_view severity;
  std::string_view title;
  std::string_view meaning;  // may be empty where the title says it all
  std::string_view why;
  std::string_view remedy;
};

// Those of diagnosis (PTQ-D…), samples (PTQ-S…) and coverage (PTQ-V…), in order of their codes.
std::vector<Explanation> all_explanations();
// The one with this code, in any case of letters. Throws Error{kUsage} with a suggestion.
Explanation find_explanation(std::string_view code);

// All of them as a table, one in full, and any number as a document.
std::string explanations_text(const std::vector<Explanation>& rows);
std::string explanation_text(const Explanation& row);
std::string explanations_json(const ReportHeader& header, const std::vector<Explanation>& rows);

}  // namespace ptq
