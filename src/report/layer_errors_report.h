#pragma once
// What `ptq validate --layers` says, as text and as rows of `ptq.validate/1`. Pure; any thread.

#include <cstddef>
#include <string>

#include "ptq/layer_error.h"
#include "report/json_document.h"

namespace ptq {

// The `top` layers that cost most alone (0: all), and the options that leave the worst in float.
std::string layer_errors_text(const LayerErrors& errors, size_t top);
// Rows in the order of computation, and what they sum up to.
Json layer_rows_json(const LayerErrors& errors);
Json layer_summary_json(const LayerErrors& errors);

}  // namespace ptq
