#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "coverage/findings.h"
#include "ptq/coverage.h"
#include "ptq/error.h"
#include "range/quant_error.h"

namespace ptq {
namespace {

constexpr double kManyClipped = 0.01;
constexpr double kSomeClipped = 0.001;
constexpr double kTwiceAsFar = 2.0;
constexpr double kFurther = 1.2;
constexpr double kMoved = 0.1;
constexpr double kUnused = 0.5;
// A side of the range that is thinner than one code of 255 is none.
constexpr double kCodes = 255.0;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::kInput, what);
}

void check_holds_values(const NamedStats& named) {
  const bool any = std::ranges::any_of(named.stats.tensors,
                                       [](const auto& entry) { return entry.second.count > 0; });
  if (named.stats.samples() == 0 || !any) {
    refuse(
        fmt::format("{}: expected statistics of at least one sample, found {} samples and {}; "
                    "run `ptq calibrate` over some",
                    printable(named.name), named.stats.samples(), any ? "values" : "no values"));
  }
}

// Names of `a` that `b` lacks.
std::string missing_in(const ActivationStats& b, const ActivationStats& a) {
  std::string names;
  for (const auto& [name, tensor] : a.tensors) {
    if (!b.tensors.contains(name)) {
      names += (names.empty() ? "" : ", ") + printable(name, 60);
    }
  }
  return names;
}

// How far [min, max] reaches over [lo, hi], lo ≤ 0 ≤ hi.
double reach(const Extremes& values, double lo, double hi) {
  const double width = hi - lo;
  const double high = std::max(static_cast<double>(values.max), 0.0);
  const double low = std::max(-static_cast<double>(values.min), 0.0);
  if (width <= 0.0) {
    return high > 0.0 || low > 0.0 ? std::numeric_limits<double>::infinity() : 1.0;
  }
  return std::max(high / std::max(hi, width / kCodes), low / std::max(-lo, width / kCodes));
}

void add_gap(TensorCoverage& tensor, std::string_view code, std::string message) {
  const CoverageFindingRow& row = coverage_finding(code);
  tensor.gaps.push_back(
      {tensor.name, std::string(code), std::string(row.severity), std::move(message)});
}

void find_gaps(const TensorStats& calibration, const TensorStats& production,
               TensorCoverage& tensor) {
  if (production.nan + production.inf > 0) {
    add_gap(
        tensor, "PTQ-V001",
        fmt::format("{} NaN and {} infinite values in production", production.nan, production.inf));
  }
  if (production.count == 0) {
    return;
  }
  if (std::isinf(tensor.absmax_ratio)) {
    add_gap(tensor, "PTQ-V002",
            fmt::format("calibration {}, production reaches from {:.4g} to {:.4g}",
                        calibration.count == 0 ? "never computed it" : "saw only zeros",
                        tensor.production.min, tensor.production.max));
    return;
  }
  const double excess = tensor.excess();
  if (excess > kSomeClipped) {
    add_gap(tensor, excess > kManyClipped ? "PTQ-V003" : "PTQ-V101",
            fmt::format("{:.3g} % of production is clipped by {} [{:.4g}, {:.4g}], {:.3g} % of "
                        "calibration",
                        100.0 * tensor.clipped, tensor.estimator, tensor.range.lo, tensor.range.hi,
                        100.0 * tensor.clipped_calibration));
  }
  if (tensor.absmax_ratio >= kFurther) {
    add_gap(tensor, tensor.absmax_ratio >= kTwiceAsFar ? "PTQ-V004" : "PTQ-V102",
            fmt::format("production [{:.4g}, {:.4g}] reaches {:.2f} times as far as calibration "
                        "[{:.4g}, {:.4g}]",
                        tensor.production.min, tensor.production.max, tensor.absmax_ratio,
                        tensor.calibration.min, tensor.calibration.max));
  }
  if (tensor.ks_distance > kMoved) {
    add_gap(tensor, "PTQ-V103",
            fmt::format("cumulated shares differ by up to {:.2f} (Jensen-Shannon distance {:.2f})",
                        tensor.ks_distance, tensor.js_distance));
  }
  if (tensor.range_ratio < kUnused) {
    add_gap(tensor, "PTQ-V104",
            fmt::format("production [{:.4g}, {:.4g}] uses {:.0f} % of the range [{:.4g}, {:.4g}]",
                        tensor.production.min, tensor.production.max, 100.0 * tensor.range_ratio,
                        tensor.range.lo, tensor.range.hi));
  }
  std::ranges::stable_sort(tensor.gaps, {}, [](const CoverageGap& gap) {
    return std::pair(severity_rank(gap.severity), gap.code);
  });
}

TensorCoverage compare_tensor(const std::string& name, const TensorStats& calibration,
                              const TensorStats& production, const ChosenEstimate& chosen) {
  TensorCoverage out{.name = name,
                     .estimator = chosen.estimator,
                     .range = chosen.range,
                     .calibration = {calibration.min, calibration.max},
                     .production = {production.min, production.max}};
  const double seen_lo = std::min(static_cast<double>(calibration.min), 0.0);
  const double seen_hi = std::max(static_cast<double>(calibration.max), 0.0);
  if (production.count > 0) {
    const auto lo = static_cast<double>(chosen.range.lo);
    const auto hi = static_cast<double>(chosen.range.hi);
    const QuantError values(production);
    out.range_ratio = reach(out.production, lo, hi);
    out.absmax_ratio = reach(out.production, seen_lo, seen_hi);
    // Up to half a step beyond, clipping costs no more than rounding.
    const double half_step = (hi - lo) / kCodes / 2.0;
    out.clipped = values.clipped_fraction(lo - half_step, hi + half_step);
    out.clipped_absmax = values.clipped_fraction(seen_lo, seen_hi);
    out.clipped_calibration =
        calibration.count == 0
            ? 0.0
            : QuantError(calibration).clipped_fraction(lo - half_step, hi + half_step);
    out.js_distance = js_distance(calibration, production);
    out.ks_distance = ks_distance(calibration, production);
  }
  find_gaps(calibration, production, out);
  return out;
}

// Less is graver.
auto gravity(const TensorCoverage& tensor) {
  const int rank = tensor.gaps.empty() ? 3 : severity_rank(tensor.gaps.front().severity);
  return std::tuple(rank, -tensor.excess(), -tensor.absmax_ratio, std::string_view(tensor.name));
}

}  // namespace

void check_comparable(const NamedStats& calibration, const NamedStats& production) {
  check_holds_values(calibration);
  check_holds_values(production);
  const ActivationStats& a = calibration.stats;
  const ActivationStats& b = production.stats;
  const std::string names =
      fmt::format("{} and {}", printable(calibration.name), printable(production.name));
  if (a.model_fingerprint != b.model_fingerprint) {
    refuse(
        fmt::format("{}: expected statistics of one model, found fingerprints {}... and {}...; "
                    "measure both on the same file",
                    names, printable(a.model_fingerprint.substr(0, 12)),
                    printable(b.model_fingerprint.substr(0, 12))));
  }
  if (a.settings != b.settings) {
    refuse(fmt::format("{}: expected one setting of masks and states, found '{}' and '{}'", names,
                       printable(a.settings, 200), printable(b.settings, 200)));
  }
  for (const bool swapped : {false, true}) {
    const std::string missing = swapped ? missing_in(a, b) : missing_in(b, a);
    const bool chosen = !swapped && b.production.has_value();  // by `ptq instrument --tensors`
    if (!missing.empty() && !chosen) {
      refuse(fmt::format(
          "{}: expected the tensors of {}, found none for {}; calibrate both with "
          "the same --target",
          printable(swapped ? calibration.name : production.name),
          printable(swapped ? production.name : calibration.name), printable(missing, 300)));
    }
  }
}

std::vector<TensorCoverage> compare_stats(const ActivationStats& calibration,
                                          const ActivationStats& production,
                                          const std::map<std::string, ChosenEstimate>& ranges) {
  static const TensorStats kNever;
  const auto find = [](const ActivationStats& stats, const std::string& name) -> const auto& {
    const auto found = stats.tensors.find(name);
    return found == stats.tensors.end() ? kNever : found->second;
  };
  std::vector<TensorCoverage> out;
  out.reserve(ranges.size());
  for (const auto& [name, chosen] : ranges) {
    out.push_back(compare_tensor(name, find(calibration, name), find(production, name), chosen));
  }
  std::ranges::sort(out, {}, gravity);
  return out;
}

}  // namespace ptq
