#include "report/json_rows.h"

namespace ptq {

Json range_json(const Range& range) {
  return {{"lo", number(static_cast<double>(range.lo))},
          {"hi", number(static_cast<double>(range.hi))},
          {"clipped_fraction", number(range.clipped_fraction)},
          {"sqnr_db", number(range.sqnr_db)}};
}

Json diagnosis_row_json(const TensorDiagnosis& tensor) {
  Json candidates = Json::object();
  for (const auto& [name, range] : tensor.candidates) {
    candidates[name] = range_json(range);
  }
  return {{"name", tensor.name},
          {"severity", tensor.severity},
          {"outlier_ratio", number(tensor.outlier_ratio)},
          {"expected_ratio", number(tensor.expected_ratio)},
          {"zero_share", number(tensor.zero_share)},
          {"min", number(static_cast<double>(tensor.min))},
          {"max", number(static_cast<double>(tensor.max))},
          {"estimator", tensor.estimator},
          {"range", range_json(tensor.range)},
          {"reason", tensor.reason},
          {"sqnr_db_8bit", number(tensor.sqnr_db_8)},
          {"sqnr_db_4bit", number(tensor.sqnr_db_4)},
          {"candidates", candidates}};
}

}  // namespace ptq
