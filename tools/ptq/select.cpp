// ptq select: the samples of a pool that cover activation space best, as a list.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "core/atomic_file.h"
#include "ptq/error.h"
#include "report/selection_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  DataOptionsCli pool;
  MeasureCli measure;
  PolicyCli policy;
  SelectOptions select;
  std::filesystem::path model;
  std::filesystem::path output;
  bool force = false;
};

int run(const Options& options) {
  check_output_path(options.output, protected_paths({options.model}, options.pool), options.force);
  const LoadedModel model = load_model(options.model);
  const Target& target = find_target(options.policy.target);
  const DataRequest pool{.data = options.pool.data,
                         .options = options.pool.options,
                         .measure = measure_options(options.measure),
                         .threads = options.common.threads,
                         .progress = progress_bar("looking at samples", options.common),
                         .stop = &stop_requested};
  std::vector<std::string> warnings;
  const SampleSketches sketches = sketch_pool(model, target, pool, options.select.count, warnings);
  const Selection selection = select_samples(sketches, options.select);
  const PoolList list = pool_list(model, pool, sketches, selection.chosen, options.output);
  warnings.insert(warnings.end(), list.warnings.begin(), list.warnings.end());
  AtomicFile file(options.output);
  file.write(list.text);
  file.commit();
  ReportHeader header = make_header("select", {options.model}, true);
  report_warnings(header, warnings);
  const SelectionReport report{sketches, selection, list, options.output, options.select.seed};
  return deliver(options.common,
                 {.text = selection_text(report),
                  .json = selection_json(header, report),
                  .verdict = fmt::format("PASS select {}  {} of {} samples",
                                         printable(options.output.string()),
                                         selection.chosen.size(), sketches.samples.size())});
}

}  // namespace

Verb add_select(CLI::App& app) {
  CLI::App* verb = app.add_subcommand(
      "select", "choose the samples of a pool that cover what the model does best");
  auto options = std::make_shared<Options>();
  verb->add_option("model", options->model, "FP32 ONNX file")->required();
  add_data_option(*verb, options->pool, true, "--pool");
  verb->add_option("-n,--count", options->select.count, "samples to choose [128]")
      ->check(CLI::Range(size_t{1}, size_t{1} << 30));
  verb->add_option("-o,--output", options->output, "list to write, for --data @LIST")->required();
  verb->add_option("--seed", options->select.seed, "orders samples of equal value [0]");
  verb->add_flag("--force", options->force, "replace the output when it exists");
  add_mask_options(*verb, options->measure);
  add_target_option(*verb, options->policy);
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
