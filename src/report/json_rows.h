#pragma once
// Rows that several JSON documents have. Pure; any thread.

#include "ptq/diagnosis.h"
#include "ptq/range.h"
#include "report/json_document.h"

namespace ptq {

Json range_json(const Range& range);
Json diagnosis_row_json(const TensorDiagnosis& tensor);

}  // namespace ptq
