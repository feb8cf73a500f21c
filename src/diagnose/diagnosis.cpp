#include "ptq/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "core/parallel.h"
#include "diagnose/choose_estimator.h"
#include "ptq/error.h"
#include "ptq/layer_diagnosis.h"

namespace ptq {
namespace {

bool is_unsigned(DType dtype) {
  return dtype == DType::kUint4 || dtype == DType::kUint8 || dtype == DType::kUint16;
}

// The scheme with codes of another width; the limit of the codes belongs to the original width.
QuantScheme with_bits(const QuantScheme& scheme, int bits) {
  QuantScheme out = scheme;
  if (bit_width(scheme.dtype) != bits) {
    out.dtype = is_unsigned(scheme.dtype) ? (bits == 8 ? DType::kUint8 : DType::kUint4)
                                          : (bits == 8 ? DType::kInt8 : DType::kInt4);
    out.code_limit.reset();
  }
  return out;
}

// The mse range is the best by prediction and never below absmax.
double best_sqnr_db(const TensorStats& stats, const QuantScheme& scheme) {
  return range_estimator("mse").estimate(stats, {.scheme = scheme}).sqnr_db;
}

std::map<std::string, Range> estimate_candidates(const TensorStats& stats,
                                                 const QuantScheme& scheme,
                                                 const EstimatorPolicy& policy) {
  const RangeOptions options{.scheme = scheme, .percentile = policy.percentile};
  std::map<std::string, Range> candidates;
  for (const RangeEstimator& estimator : range_estimators()) {
    if (estimator.name != "kl" || policy.forced == "kl") {
      candidates[std::string(estimator.name)] = estimator.estimate(stats, options);
    }
  }
  return candidates;
}

std::string severity_of(double sqnr_db_8) {
  if (sqnr_db_8 >= kEasyFromDb) {
    return "easy";
  }
  return sqnr_db_8 < kHardBelowDb ? "hard" : "moderate";
}

}  // namespace

EstimatorPolicy policy_preset(std::string_view name) {
  if (name == "default") {
    return {};
  }
  if (name == "strict") {
    return {.low_ratio = 2.0};
  }
  throw Error(ErrorCode::kUsage, fmt::format("expected the estimator preset default or strict, "
                                             "found '{}'",
                                             printable(name)));
}

TensorDiagnosis diagnose_tensor(const std::string& name, const TensorStats& stats,
                                const QuantScheme& scheme, const EstimatorPolicy& policy) {
  check_policy(policy);
  const uint64_t count = stats.histogram.total();
  const uint64_t zeros = stats.histogram.zeros();
  TensorDiagnosis out;
  out.name = name;
  out.min = stats.min;
  out.max = stats.max;
  out.outlier_ratio = outlier_ratio(stats);
  if (count > zeros) {
    const double expected = std::log(static_cast<double>(count - zeros)) / std::log(100.0);
    out.expected_ratio = std::max(1.0, expected);
  }
  if (count > 0) {
    out.zero_share = static_cast<double>(zeros) / static_cast<double>(count);
  }
  out.candidates = estimate_candidates(stats, scheme, policy);
  EstimatorChoice choice =
      choose_estimator({out.outlier_ratio, count, count - zeros, out.candidates}, policy);
  out.range = out.candidates.at(choice.estimator);
  out.estimator = std::move(choice.estimator);
  out.reason = std::move(choice.reason);
  out.sqnr_db_8 = bit_width(scheme.dtype) == 8 ? out.candidates.at("mse").sqnr_db
                                               : best_sqnr_db(stats, with_bits(scheme, 8));
  out.sqnr_db_4 = bit_width(scheme.dtype) == 4 ? out.candidates.at("mse").sqnr_db
                                               : best_sqnr_db(stats, with_bits(scheme, 4));
  out.severity = severity_of(out.sqnr_db_8);
  return out;
}

std::map<std::string, Range> predicted_ranges(const TensorStats& stats, const QuantScheme& scheme,
                                              int bits, double percentile) {
  const RangeOptions options{.scheme = with_bits(scheme, bits), .percentile = percentile};
  std::map<std::string, Range> ranges;
  for (const RangeEstimator& estimator : range_estimators()) {
    ranges[std::string(estimator.name)] = estimator.estimate(stats, options);
  }
  return ranges;
}

std::vector<TensorDiagnosis> diagnose(const ActivationStats& stats, const SchemeOf& scheme_of,
                                      const EstimatorPolicy& policy, int threads) {
  struct Job {
    const std::string* name;
    const TensorStats* stats;
    QuantScheme scheme;
  };
  std::vector<Job> jobs;
  for (const auto& [name, tensor] : stats.tensors) {
    jobs.push_back({&name, &tensor, scheme_of(name)});
  }
  std::vector<TensorDiagnosis> out(jobs.size());
  parallel_for(jobs.size(), resolve_threads(threads), [&](size_t i, int /*worker*/) {
    out[i] = diagnose_tensor(*jobs[i].name, *jobs[i].stats, jobs[i].scheme, policy);
  });
  // The map is in order of names, which a stable sort keeps among equals.
  std::stable_sort(out.begin(), out.end(), [](const TensorDiagnosis& a, const TensorDiagnosis& b) {
    return a.sqnr_db_8 < b.sqnr_db_8;
  });
  return out;
}

}  // namespace ptq
