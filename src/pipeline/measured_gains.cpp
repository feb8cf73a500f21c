#include "pipeline/measured_gains.h"

#include <algorithm>

#include <fmt/format.h>

#include "graph/macs.h"
#include "pipeline/observed_values.h"
#include "pipeline/spread_samples.h"
#include "search/measured_outputs.h"

namespace ptq {
namespace {

// Gains of single samples differ by several decibels.
constexpr size_t kSamples = 32;
constexpr double kMostWork = 3e11;  // multiply-accumulates: some 20 seconds of one core

double work_of_a_run(const GraphIndex& sized) {
  double work = 0.0;
  for (const Node& node : sized.graph().nodes) {
    work += static_cast<double>(multiply_accumulates(node, sized).value_or(0));
  }
  return work;
}

}  // namespace

MeasuredGains measure_gains(const Model& model, const GraphIndex& sized,
                            const std::vector<TensorDiagnosis>& diagnoses,
                            const QuantizeRequest& request) {
  MeasuredGains measured;
  if (request.samples.data.empty()) {
    measured.reason = "no samples to run (--data, beside --stats too)";
    return measured;
  }
  const double work = work_of_a_run(sized) * static_cast<double>(diagnoses.size());
  const auto affordable = static_cast<size_t>(work > 0.0 ? kMostWork / work : kSamples);
  if (affordable == 0) {
    measured.reason = fmt::format(
        "a run for each of {} values takes {:.1g} multiply-accumulates, more than {:.0g}",
        diagnoses.size(), work, kMostWork);
    return measured;
  }
  const QuantScheme scheme = target_of(request).activation;
  std::map<std::string, ProbeCodes> values;
  for (const TensorDiagnosis& diagnosis : diagnoses) {
    values[diagnosis.name] = {
        .params = params_for_range(diagnosis.range.lo, diagnosis.range.hi, scheme),
        .codes = code_range(scheme)};
  }
  const std::vector<Sample> samples =
      spread_samples(model, request.samples, std::min(kSamples, affordable));
  measured.samples = samples.size();
  measured.gains = probe_gains(with_measured_outputs(model), values, samples, request.threads,
                               request.samples.stop);
  return measured;
}

}  // namespace ptq
