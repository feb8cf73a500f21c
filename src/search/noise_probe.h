#pragma once
// Measures what rounding one value does to the outputs of a model: each value alone is replaced by
// its codes while the model runs, and the error at the outputs is divided by the error that the
// codes made. It needs one run for each value and sample, and answers where a gain from weights and
// statistics (diagnose/noise_gain.h) can only estimate: norms, attention, residual streams.

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/sample_source.h"
#include "ptq/graph.h"
#include "ptq/quant_params.h"

namespace ptq {

// How a value is rounded for the measurement.
struct ProbeCodes {
  QuantParams params{};  // one scale
  CodeRange codes{};
};

// For each value, for each output of the model in order: noise power by signal power there, for
// noise of power 1 on each element of the value. Nothing for an output that is no float tensor, has
// no signal, or where the codes made no error.
using ProbedGains = std::map<std::string, std::vector<std::optional<double>>>;

// `values`: float32 graph inputs and values that nodes of the main graph of `model` make; others
// are left out. Each run uses one thread, `threads` of them go at once, and the result does not
// depend on their number. Throws Error{kInterrupted} soon after `stop` is set, Error{kRuntime} when
// the runtime fails.
ProbedGains probe_gains(const Model& model, const std::map<std::string, ProbeCodes>& values,
                        const std::vector<Sample>& samples, int threads,
                        const std::atomic<bool>* stop = nullptr);

}  // namespace ptq
