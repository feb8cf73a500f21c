// Where the statistics of diagnose and quantize come from: a file, or a calibration on the spot.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "ptq/error.h"
#include "runtime/library.h"

namespace ptq::cli {
namespace {

// Statistics of another model are refused, or used with a warning when the user insists.
void check_model(ActivationStats& stats, const LoadedModel& model, const StatsCli& file,
                 std::vector<std::string>& warnings) {
  if (stats.model_fingerprint == model.fingerprint) {
    return;
  }
  if (!file.allow_stale) {
    check_stats_belong(stats, model);
  }
  warnings.push_back(fmt::format(
      "--allow-stale: {} was measured on another model (fingerprint {}..., this model has {}...); "
      "ranges are taken by name and may not fit",
      printable(file.path.string()), stats.model_fingerprint.substr(0, 12),
      model.fingerprint.substr(0, 12)));
  stats.model_fingerprint = model.fingerprint;
}

ActivationStats stats_from_file(const LoadedModel& model, const StatsCli& file,
                                std::vector<std::string>& warnings) {
  ActivationStats stats = read_stats(file.path);
  const std::string name = printable(file.path.string());
  check_model(stats, model, file, warnings);
  if (stats.production) {
    warnings.push_back(fmt::format(
        "{} was observed in production ({} of {} runs), not calibrated: ranges follow what "
        "production met, and no accuracy was checked on these samples",
        name, stats.production->counted, stats.production->runs));
  }
  if (stats.shards.count > 0) {
    warnings.push_back(
        fmt::format("{} holds {} of {} shards of its run; `ptq merge` adds the others", name,
                    stats.shards.present.size(), stats.shards.count));
  }
  if (stats.runtime_version != runtime_version()) {
    warnings.push_back(fmt::format("{} was measured with ONNX Runtime {}, this is {}", name,
                                   printable(stats.runtime_version), runtime_version()));
  }
  return stats;
}

}  // namespace

void add_stats_option(CLI::App& verb, StatsCli& stats) {
  verb.add_option("--stats", stats.path, "statistics from `ptq calibrate`, instead of measuring")
      ->group("Samples");
  verb.add_flag("--allow-stale", stats.allow_stale,
                "use statistics that were measured on another model, with a warning")
      ->group("Samples");
}

ActivationStats stats_for(const LoadedModel& model, const StatsRequest& request,
                          const Common& common, std::vector<std::string>& warnings) {
  if (!request.file.path.empty()) {
    return stats_from_file(model, request.file, warnings);
  }
  if (request.data.data.empty()) {
    throw Error(ErrorCode::kUsage,
                "give samples with --data PATH or statistics with --stats FILE; ptq never invents "
                "data");
  }
  return calibrate_model(model, request.target, request.keep_float,
                         {.data = request.data.data,
                          .options = request.data.options,
                          .measure = request.measure,
                          .threads = common.threads,
                          .progress = progress_bar("calibrating", common),
                          .stop = &stop_requested},
                         warnings, request.sketches);
}

}  // namespace ptq::cli
