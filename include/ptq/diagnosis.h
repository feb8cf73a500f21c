#pragma once
// How hard each tensor is to quantize, which range estimator it therefore gets, and why. Reads
// calibration statistics only; neither model nor data are needed. Called by `ptq diagnose` and by
// the plan. Pure functions, any thread; `diagnose` uses threads of its own.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ptq/activation_stats.h"
#include "ptq/range.h"

namespace ptq {

// How the estimator is chosen. The outlier ratio r = max|x| / p99|x| proposes (r < low_ratio:
// absmax; up to high_ratio: percentile or mse, whichever is predicted better; above: mse), and the
// predicted SQNR decides against it where the proposal loses more than `veto_db` against the best
// candidate. absmax also stays where clipping gains no more than 0.3 dB (or veto_db, if that is
// less), since data that calibration did not see is clipped as well. kl is never chosen, only
// forced.
struct EstimatorPolicy {
  double low_ratio = 3.0;
  double high_ratio = 10.0;
  double veto_db = 0.3;
  std::string forced = {};     // name of an estimator to take for every tensor; empty: choose
  double percentile = 99.999;  // of |x|, in percent
};

// "default" (ratios 3 and 10) or "strict" (2 and 10). Throws Error{kUsage} for another name.
EstimatorPolicy policy_preset(std::string_view name);

// By the best SQNR predicted at 8 bits: easy from 32 dB (a Laplace tensor has 35, a Gaussian one
// 40), hard below 25 dB, where clipping cannot help and smoothing, equalizing, 16 bits or float are
// called for.
inline constexpr double kEasyFromDb = 32.0;
inline constexpr double kHardBelowDb = 25.0;

struct TensorDiagnosis {
  std::string name;
  double outlier_ratio = 1.0;
  double expected_ratio =
      1.0;                  // of a light-tailed (Laplace) tensor of as many values: ln N / ln 100
  double zero_share = 0.0;  // of the finite values
  float min = 0.0F;
  float max = 0.0F;
  std::map<std::string, Range> candidates;  // absmax, percentile, mse; a forced estimator too
  std::string estimator;                    // the chosen one, a key of `candidates`
  Range range;                              // candidates.at(estimator)
  std::string reason;                       // a sentence with the numbers behind the choice
  double sqnr_db_8 = 0.0;                   // best predicted at 8 bits; +infinity without error
  double sqnr_db_4 = 0.0;                   // best predicted at 4 bits
  std::string severity;                     // "easy", "moderate" or "hard"
};

// Throws Error{kUsage} for a policy that contradicts itself or forces an unknown estimator.
TensorDiagnosis diagnose_tensor(const std::string& name, const TensorStats& stats,
                                const QuantScheme& scheme, const EstimatorPolicy& policy);

using SchemeOf = std::function<QuantScheme(const std::string& name)>;

// All tensors, the hardest (lowest SQNR at 8 bits) first, equal ones by name. `scheme_of` is called
// on the caller's thread. The result does not depend on `threads` (0: all processors).
std::vector<TensorDiagnosis> diagnose(const ActivationStats& stats, const SchemeOf& scheme_of,
                                      const EstimatorPolicy& policy, int threads = 0);

}  // namespace ptq
