#include "diagnose/choose_estimator.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ptq/error.h"

namespace ptq {
namespace {

// A gain below this does not pay for clipping values that calibration did see.
constexpr double kClippingPaysDb = 0.3;
// Below this percentile, a loss against mse of more than kClippingPaysDb rules it out: with few
// huge outliers 99.99 costs up to 9 dB against absmax.
constexpr double kSafePercentile = 99.999;
// Predictions that differ by less are equal; the wider range then wins.
constexpr double kTieDb = 0.1;
// The percentile has to leave at least so many values above itself to mean anything.
constexpr double kValuesAbovePercentile = 10.0;

std::string shown(const EstimatorPolicy& policy, const std::string& name) {
  return name == "percentile" ? fmt::format("percentile {}", policy.percentile) : name;
}

std::string with_db(const ChoiceInput& in, const EstimatorPolicy& policy, const std::string& name) {
  const double sqnr_db = in.candidates.at(name).sqnr_db;
  return std::isinf(sqnr_db) ? shown(policy, name) + " exact"
                             : fmt::format("{} {:.1f} dB", shown(policy, name), sqnr_db);
}

// Why the percentile is no candidate; empty when it is one.
std::string percentile_objection(const ChoiceInput& in, const EstimatorPolicy& policy) {
  const double above = static_cast<double>(in.count) * (1.0 - policy.percentile / 100.0);
  // 99.999 % is no binary fraction: exactly ten values above count as ten.
  if (policy.percentile < 100.0 && above < kValuesAbovePercentile * (1.0 - 1e-9)) {
    return fmt::format("percentile {} needs {:.0f} values, {} were seen", policy.percentile,
                       kValuesAbovePercentile / (1.0 - policy.percentile / 100.0), in.count);
  }
  const double loss_db = in.candidates.at("mse").sqnr_db - in.candidates.at("percentile").sqnr_db;
  if (policy.percentile < kSafePercentile && loss_db > kClippingPaysDb) {
    return fmt::format("percentile {} loses {:.1f} dB against mse", policy.percentile, loss_db);
  }
  return "";
}

std::string better_clipping(const ChoiceInput& in, bool percentile_allowed) {
  const Range& percentile = in.candidates.at("percentile");
  const Range& mse = in.candidates.at("mse");
  const double gain_db = percentile.sqnr_db - mse.sqnr_db;
  const bool wider = percentile.clipped_fraction < mse.clipped_fraction;
  return percentile_allowed && (gain_db > kTieDb || (gain_db >= -kTieDb && wider)) ? "percentile"
                                                                                   : "mse";
}

std::string ratio_in_words(double ratio, const EstimatorPolicy& policy) {
  if (ratio < policy.low_ratio) {
    return fmt::format("outlier ratio {:.1f} < {}", ratio, policy.low_ratio);
  }
  if (ratio <= policy.high_ratio) {
    return fmt::format("outlier ratio {:.1f} between {} and {}", ratio, policy.low_ratio,
                       policy.high_ratio);
  }
  return fmt::format("outlier ratio {:.1f} > {}", ratio, policy.high_ratio);
}

EstimatorChoice forced_choice(const ChoiceInput& in, const EstimatorPolicy& policy) {
  const Range& forced = in.candidates.at(policy.forced);
  std::string best = policy.forced;
  for (const auto& [name, range] : in.candidates) {
    best = range.sqnr_db > in.candidates.at(best).sqnr_db + kTieDb ? name : best;
  }
  std::string reason = "asked for (" + with_db(in, policy, policy.forced);
  if (best != policy.forced) {
    reason += fmt::format(", {:.1f} dB below {}", in.candidates.at(best).sqnr_db - forced.sqnr_db,
                          shown(policy, best));
  }
  return {policy.forced, reason + ")"};
}

}  // namespace

void check_policy(const EstimatorPolicy& policy) {
  if (!(policy.low_ratio >= 0.0 && policy.low_ratio <= policy.high_ratio)) {
    throw Error(ErrorCode::kUsage,
                fmt::format("expected outlier ratios 0 <= low <= high, found low {} and high {}",
                            policy.low_ratio, policy.high_ratio));
  }
  if (!(policy.veto_db >= 0.0)) {
    throw Error(ErrorCode::kUsage,
                fmt::format("expected a veto of 0 dB or more, found {}", policy.veto_db));
  }
  if (!policy.forced.empty()) {
    range_estimator(policy.forced);
  }
}

EstimatorChoice choose_estimator(const ChoiceInput& in, const EstimatorPolicy& policy) {
  if (in.count == 0 || in.non_zero == 0) {
    return {policy.forced.empty() ? "absmax" : policy.forced,
            in.count == 0 ? "no finite value was seen" : "all values are zero"};
  }
  if (!policy.forced.empty()) {
    return forced_choice(in, policy);
  }
  const std::string objection = percentile_objection(in, policy);
  const bool far_outliers = in.outlier_ratio > policy.high_ratio;
  const std::string clipping = far_outliers ? "mse" : better_clipping(in, objection.empty());
  const double absmax_db = in.candidates.at("absmax").sqnr_db;
  const double clipping_db = in.candidates.at(clipping).sqnr_db;
  const double gain_db = std::isinf(absmax_db) ? 0.0 : clipping_db - absmax_db;
  const std::string ratio = ratio_in_words(in.outlier_ratio, policy);
  const std::string figures = with_db(in, policy, "absmax") + ", " + with_db(in, policy, clipping);

  if (in.outlier_ratio < policy.low_ratio && gain_db <= policy.veto_db) {
    return {"absmax", fmt::format("{}: the full range costs little ({})", ratio, figures)};
  }
  if (gain_db <= std::min(policy.veto_db, kClippingPaysDb)) {
    return {"absmax",
            fmt::format("{}, but clipping gains only {:.1f} dB: the full range stays ({})", ratio,
                        std::max(0.0, gain_db), figures)};
  }
  if (in.outlier_ratio < policy.low_ratio) {
    return {clipping,
            fmt::format("{}, but the full range loses {:.1f} dB ({})", ratio, gain_db, figures)};
  }
  if (far_outliers) {
    return {clipping,
            fmt::format("{}: a few outliers stretch the full range ({})", ratio, figures)};
  }
  const std::string rival = clipping == "mse" ? "percentile" : "mse";
  const std::string rest =
      objection.empty() ? ", " + with_db(in, policy, rival) + ")" : "); " + objection;
  return {clipping,
          fmt::format("{}: clipping gains {:.1f} dB ({}{}", ratio, gain_db, figures, rest)};
}

}  // namespace ptq
