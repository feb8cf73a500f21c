// Gates on how near outputs and decisions are to those of FP32: figures of these samples.

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "core/nearest_name.h"
#include "ptq/error.h"
#include "validate/gates.h"

namespace ptq {
namespace {

// The outputs that a limit is for. Throws Error{kUsage} for a name that no output has.
std::vector<const OutputError*> outputs_of(const OutputLimit& limit, const Validation& validation,
                                           std::string_view option) {
  std::vector<const OutputError*> found;
  std::vector<std::string> names;
  for (const OutputError& output : validation.outputs) {
    names.push_back(output.name);
    if (limit.output.empty() || output.name == limit.output) {
      found.push_back(&output);
    }
  }
  if (found.empty() && !limit.output.empty()) {
    const std::string hint = nearest_name(limit.output, names);
    throw Error(ErrorCode::kUsage,
                fmt::format("{}: there is no output '{}'{}; there are {}", option,
                            printable(limit.output, 80),
                            hint.empty() ? "" : ", did you mean " + printable(hint, 80) + "?",
                            printable(fmt::format("{}", fmt::join(names, ", ")), 400)));
  }
  return found;
}

// More is worse, and what is no number is worst.
bool is_worse(double value, double than) {
  return std::isnan(value) ? !std::isnan(than) : value > than;
}

const Decisions& decisions_of(const Validation& validation, std::string_view option) {
  if (!validation.decisions) {
    throw Error(ErrorCode::kUsage,
                fmt::format("{} needs a first output with classes along its last axis ([N,C] or "
                            "[N,T,C] of floats)",
                            option));
  }
  return *validation.decisions;
}

}  // namespace

std::vector<Gate> judge_sqnr(const ValidationLimits& limits, const Validation& validation) {
  std::vector<Gate> gates;
  for (const OutputLimit& limit : limits.min_sqnr_db) {
    const OutputError* worst = nullptr;
    for (const OutputError* output : outputs_of(limit, validation, "--min-sqnr")) {
      if (worst == nullptr || is_worse(-output->sqnr_db, -worst->sqnr_db)) {
        worst = output;
      }
    }
    const double measured =
        worst == nullptr ? std::numeric_limits<double>::quiet_NaN() : worst->sqnr_db;
    gates.push_back(
        {.name = "min-sqnr",
         .output = limit.output,
         .target = worst == nullptr ? "" : worst->name,
         .limit = limit.limit,
         .measured = measured,
         .unit = "dB",
         .outcome = pass_if(measured >= limit.limit),
         .text = fmt::format("{} SQNR {:.2f} dB{}, limit {:.2f} dB",
                             limit.output.empty() ? "lowest output" : "output", measured,
                             worst == nullptr ? "" : " (" + printable(worst->name, 80) + ")",
                             limit.limit)});
  }
  return gates;
}

std::vector<Gate> judge_max_error(const ValidationLimits& limits, const Validation& validation) {
  std::vector<Gate> gates;
  for (const OutputLimit& limit : limits.max_error) {
    const OutputError* worst = nullptr;
    for (const OutputError* output : outputs_of(limit, validation, "--max-error")) {
      if (worst == nullptr || is_worse(output->max_abs, worst->max_abs)) {
        worst = output;
      }
    }
    const double measured =
        worst == nullptr ? std::numeric_limits<double>::quiet_NaN() : worst->max_abs;
    gates.push_back(
        {.name = "max-error",
         .output = limit.output,
         .target = worst == nullptr ? "" : worst->name,
         .limit = limit.limit,
         .measured = measured,
         .outcome = pass_if(measured <= limit.limit),
         .text = fmt::format("largest error {:.4g}{}, limit {:.4g}", measured,
                             worst == nullptr ? "" : " in output " + printable(worst->name, 80),
                             limit.limit)});
  }
  return gates;
}

std::vector<Gate> judge_agreement(const ValidationLimits& limits, const Validation& validation) {
  if (!limits.min_agreement) {
    return {};
  }
  const double percent = decisions_of(validation, "--min-agreement").top1_percent();
  return {{.name = "min-agreement",
           .target = validation.decisions->output,
           .limit = *limits.min_agreement,
           .measured = percent,
           .unit = "%",
           .outcome = pass_if(percent >= *limits.min_agreement),
           .text = fmt::format("top-1 agreement {:.2f} %, limit {:.2f} %", percent,
                               *limits.min_agreement)}};
}

std::vector<Gate> judge_max_kl(const ValidationLimits& limits, const Validation& validation) {
  if (!limits.max_kl) {
    return {};
  }
  const double kl = decisions_of(validation, "--max-kl").mean_kl;
  return {
      {.name = "max-kl",
       .target = validation.decisions->output,
       .limit = *limits.max_kl,
       .measured = kl,
       .unit = "nats",
       .outcome = pass_if(kl <= *limits.max_kl),
       .text = fmt::format("mean KL divergence {:.4g} nats, limit {:.4g}", kl, *limits.max_kl)}};
}

}  // namespace ptq
