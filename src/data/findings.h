#pragma once
// What the data room finds wrong or odd, with a stable code each. The code stands in brackets at
// the end of every message, so that scripts can tell findings apart whatever the words are. The
// table is in findings.cpp and, for users, in docs/formats.md. Free functions; any thread.

#include <span>
#include <string>
#include <string_view>

namespace ptq {

enum class DataFinding {
  // Errors: exit code 3, or 2 for what is said on the command line.
  kNotFound = 1,
  kNoData = 2,
  kMixedFormats = 3,
  kBadArgument = 4,
  kBadList = 5,
  kTooDeep = 6,
  kDamaged = 7,
  kImpossibleSize = 8,
  kUnsupported = 9,
  kMissingInput = 10,
  kWrongType = 11,
  kWrongShape = 12,
  kSamplesDisagree = 13,
  kRemainder = 14,
  kNoSamples = 15,
  kNotFinite = 16,
  kBadValue = 17,
  kBadLabels = 18,
  kChanged = 19,
  kWrongByteCount = 20,
  kBadLine = 21,
  kRagged = 22,
  kIdOutOfRange = 23,
  kBadImage = 30,
  kBadImageSpec = 31,
  // Warnings.
  kFewSamples = 101,
  kAllIdentical = 102,
  kConstantInput = 103,
  kRowsDropped = 104,
  kDuplicates = 105,
  kFilesSkipped = 106,
};

struct DataFindingRow {
  DataFinding finding;
  std::string_view code;      // "PTQ-S001"
  std::string_view severity;  // "error" or "warning"
  std::string_view meaning;   // one line
  std::string_view why;       // why it matters
  std::string_view remedy;    // what to do
};

std::span<const DataFindingRow> data_findings();

// "MESSAGE [PTQ-S001]"
std::string with_code(DataFinding finding, std::string_view message);

// Throws Error{kInput} with "WHERE: WHAT [PTQ-S001]".
[[noreturn]] void refuse_data(DataFinding finding, std::string_view where, std::string_view what);

// The row of the code at the end of `message`; null when there is none.
const DataFindingRow* finding_of(std::string_view message);

}  // namespace ptq
