// ptq calibrate: measure every activation in one pass over the samples.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "core/atomic_file.h"
#include "ptq/error.h"
#include "report/stats_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  DataOptionsCli data;
  MeasureCli measure;
  PolicyCli policy;
  std::filesystem::path model;
  std::filesystem::path output;
  bool force = false;
};

int run(Options& options) {
  if (options.output.empty()) {
    options.output = with_suffix(options.model, ".ptqstats");
  }
  check_output_path(options.output, protected_paths({options.model}, options.data), options.force);
  const LoadedModel model = load_model(options.model);
  const std::vector<Decision> coverage =
      plan_coverage(model, find_target(options.policy.target), options.policy.keep_float);
  if (!any_integer(coverage)) {
    return deliver(options.common,
                   nothing_to_quantize(make_header("calibrate", {options.model}, false), model,
                                       options.model, coverage));
  }
  MeasureOptions measure = measure_options(options.measure);
  measure.checkpoint = options.output;
  measure.checkpoint += ".checkpoint";
  std::vector<std::string> warnings;
  const ActivationStats stats = stats_for(
      model,
      {options.data, {}, find_target(options.policy.target), options.policy.keep_float, measure},
      options.common, warnings);
  write_stats(stats, options.output);
  std::error_code ignored;
  std::filesystem::remove(measure.checkpoint, ignored);
  ReportHeader header = make_header("calibrate", reported_paths(options.model, options.data), true);
  report_warnings(header, warnings);
  return deliver(options.common,
                 {.text = stats_written_text(stats, options.output),
                  .json = stats_json(header, stats),
                  .verdict = fmt::format("PASS calibrate {}  {} samples, {} tensors",
                                         printable(options.model.string()), stats.samples(),
                                         stats.tensors.size())});
}

}  // namespace

Verb add_calibrate(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("calibrate", "measure every activation on real samples");
  auto options = std::make_shared<Options>();
  verb->add_option("model", options->model, "FP32 ONNX file")->required();
  add_data_option(*verb, options->data, true);
  verb->add_option("-o,--output", options->output, "statistics file [MODEL.ptqstats]");
  add_measure_options(*verb, options->measure);
  add_resume_options(*verb, options->measure);
  add_target_option(*verb, options->policy);
  verb->add_flag("--force", options->force, "replace the output when it exists");
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
