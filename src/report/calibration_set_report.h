#pragma once
// What `ptq diagnose` says about the calibration set, as text and as a field of its document. Pure
// functions; any thread.

#include <cstddef>
#include <string>

#include "ptq/calibration_set.h"
#include "report/json_document.h"

namespace ptq {

// `top` rows of tensors and of findings; 0: all.
std::string calibration_set_text(const CalibrationSet& set, size_t top);
Json calibration_set_json(const CalibrationSet& set);

}  // namespace ptq
