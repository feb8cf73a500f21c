#include <algorithm>

#include <fmt/format.h>

#include "calib/calibrate.h"
#include "data/sample_source.h"
#include "pipeline/open_samples.h"
#include "plan/model_plan.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"

namespace ptq {
namespace {

// What a plan without nodes kept in float needs comes first, and what these change is added: which
// values are observed moves the runtime's fusions and so the last bits of other values, and ranges
// must not depend on what stays in float.
std::vector<std::string> values_of_plans(const Graph& graph,
                                         const std::vector<std::string>& keep_float,
                                         const Target& target) {
  std::vector<std::string> values = values_to_observe(analyze_model(graph, {}, target));
  if (!keep_float.empty()) {
    for (std::string& value : values_to_observe(analyze_model(graph, keep_float, target))) {
      if (std::ranges::find(values, value) == values.end()) {
        values.push_back(std::move(value));
      }
    }
  }
  return values;
}

}  // namespace

std::map<std::string, Tensor> first_sample(const LoadedModel& model, const DataRequest& data) {
  DataRequest first = data;
  first.options.max_samples = 1;
  const std::unique_ptr<SampleSource> source = open_samples(model.model, first);
  std::optional<Sample> sample = source->next();
  return sample ? std::move(sample->inputs) : std::map<std::string, Tensor>();
}

ActivationStats calibrate_model(const LoadedModel& model, const Target& target,
                                const std::vector<std::string>& keep_float, const DataRequest& data,
                                std::vector<std::string>& warnings, SampleSketches* sketches) {
  const std::vector<std::string> values = values_of_plans(model.model.graph, keep_float, target);
  if (values.empty()) {
    throw Error(ErrorCode::kInput,
                "no node of this model can run in integers, so there is nothing to calibrate; see "
                "`ptq inspect` for the operators");
  }
  const std::unique_ptr<SampleSource> source = open_without_states(model.model, data);
  CalibrateOptions options;
  options.threads = data.threads;
  options.progress = data.progress;
  options.stop = data.stop;
  options.measure = data.measure;
  options.model_fingerprint = model.fingerprint;
  options.sketch = sketches != nullptr;
  Calibration calibration = calibrate(model.model, values, *source, options);
  ActivationStats stats = std::move(calibration.stats);
  if (sketches != nullptr) {
    *sketches = std::move(calibration.sketches);
  }
  if (!calibration.fallback_reason.empty()) {
    warnings.push_back("calibration runs slower than it could: " + calibration.fallback_reason);
  }
  std::string not_observed;
  for (const std::string& name : calibration.not_observed) {
    not_observed += (not_observed.empty() ? "" : ", ") + printable(name, 60);
    // No counts: known not to be known, which is not the same as not asked for.
    stats.tensors.emplace(name, TensorStats{});
  }
  if (!not_observed.empty()) {
    warnings.push_back(
        fmt::format("no sample computed {} tensor(s), the nodes around them stay in float: {}",
                    calibration.not_observed.size(), printable(not_observed, 300)));
  }
  if (!calibration.not_masked.empty()) {
    warnings.push_back(fmt::format(
        "{} of {} values have no axis of tokens that the mask could lie on, all their values "
        "count: {}",
        calibration.not_masked.size(), stats.tensors.size(),
        printable(fmt::format("{}", fmt::join(calibration.not_masked, ", ")), 300)));
  }
  for (std::string& warning : source->warnings()) {
    warnings.push_back(std::move(warning));
  }
  for (const auto& [name, tensor] : stats.tensors) {
    if (tensor.nan + tensor.inf > 0) {
      warnings.push_back(
          fmt::format("{} held {} NaN and {} infinite value(s) during calibration; "
                      "they are left out of its range",
                      printable(name), tensor.nan, tensor.inf));
    }
  }
  return stats;
}

void check_stats_belong(const ActivationStats& stats, const LoadedModel& model) {
  if (stats.model_fingerprint != model.fingerprint) {
    throw Error(
        ErrorCode::kInput,
        fmt::format("the statistics were measured on another model (fingerprint {}..., this "
                    "model has {}...); run `ptq calibrate` on this model",
                    stats.model_fingerprint.substr(0, 12), model.fingerprint.substr(0, 12)));
  }
}

}  // namespace ptq
