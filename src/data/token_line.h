#pragma once
// One line of a .jsonl file as the row of a sample: {"input_ids":[101,2023,102],
// "attention_mask":[1,1,1]}. A value is a number, a list, or lists in lists of equal length. Free
// functions; any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/sample_source.h"

namespace ptq {

struct TokenRow {
  // By name of the model input. A value of one dimension less than its input has a leading 1.
  std::map<std::string, Tensor> inputs;
  std::optional<int64_t> label;
  int64_t batch = 1;  // rows that the model takes at a time
};

// Throws Error{kUsage} for options that contradict each other or lack a part, and when no input is
// known to hold the ids.
void check_token_options(const std::vector<InputSpec>& inputs, const DataOptions& options);

// Parses `line`, pads and truncates as `options` say: list of ids and all lists as long as it, the
// ids with pad_id, others with 0. Keys that are no inputs are ignored. `where` begins each message
// and names file and line. Throws Error{kInput}.
TokenRow parse_token_line(std::string_view line, const std::vector<InputSpec>& inputs,
                          const DataOptions& options, const std::string& where);

}  // namespace ptq
