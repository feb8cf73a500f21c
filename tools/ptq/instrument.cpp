// ptq instrument: a copy of the model that libptq_observe counts in production.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "core/atomic_file.h"
#include "onnx_io/write.h"
#include "ptq/error.h"
#include "report/instrument_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  MeasureCli measure;
  PolicyCli policy;
  std::filesystem::path model;
  std::filesystem::path output;
  std::vector<std::string> tensors;
  std::string stats_file;
  uint64_t every = 20;
  bool force = false;
};

std::vector<std::string> warnings_of(const Instrumented& result) {
  std::vector<std::string> warnings;
  const auto list = [](const std::vector<std::string>& names) {
    return printable(fmt::format("{}", fmt::join(names, ", ")), 300);
  };
  if (!result.only_prepared.empty()) {
    warnings.push_back(fmt::format(
        "{} of {} tensors are not in the file but in the model as ptq prepares it, so that one is "
        "instrumented; its outputs are the same but for rounding: {}",
        result.only_prepared.size(), result.values.size(), list(result.only_prepared)));
  }
  if (!result.unobserved.empty()) {
    warnings.push_back(
        fmt::format("{} tensors are neither float32 nor float16 and not observed: {}",
                    result.unobserved.size(), list(result.unobserved)));
  }
  return warnings;
}

int run(Options& options) {
  if (options.output.empty()) {
    options.output = with_suffix(options.model, ".obs.onnx");
  }
  check_output_path(options.output, protected_paths({options.model}, {}), options.force);
  const LoadedModel model = load_model(options.model);
  const InstrumentRequest request{.target = &find_target(options.policy.target),
                                  .tensors = options.tensors,
                                  .every = options.every,
                                  .stats_file = options.stats_file.empty()
                                                    ? options.model.stem().string() + ".%p.ptqstats"
                                                    : options.stats_file,
                                  .measure = measure_options(options.measure)};
  const std::vector<Decision> coverage = plan_coverage(model, *request.target, {});
  if (!any_integer(coverage)) {
    return deliver(options.common,
                   nothing_to_quantize(make_header("instrument", {options.model}, false), model,
                                       options.model, coverage));
  }
  const Instrumented result = instrument_model(options.model, model, request);
  write_model(result.model, options.output);
  ReportHeader header = make_header("instrument", {options.model}, false);
  report_warnings(header, warnings_of(result));
  return deliver(
      options.common,
      {.text = instrument_text(result, request, options.output),
       .json = instrument_json(header, model, result, request, options.output),
       .verdict = fmt::format("PASS instrument {}  {} tensors", printable(options.output.string()),
                              result.values.size())});
}

}  // namespace

Verb add_instrument(CLI::App& app) {
  CLI::App* verb = app.add_subcommand(
      "instrument", "make a copy of the model that libptq_observe counts in production");
  auto options = std::make_shared<Options>();
  verb->add_option("model", options->model, "FP32 ONNX file")->required();
  verb->add_option("-o,--output", options->output, "instrumented model [MODEL.obs.onnx]");
  verb->add_option("--every", options->every,
                   "count each N-th run; 1: all, in a model that has its nodes once [20]")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40));
  verb->add_option("--stats-file", options->stats_file,
                   "where the statistics go in production: %p process id, %m model, %h host, "
                   "relative to the folder of the program [MODEL.%p.ptqstats]");
  verb->add_option("--tensors", options->tensors,
                   "observe only these of the values that a plan needs: names or patterns; may be "
                   "given several times")
      ->allow_extra_args(false);
  verb->add_flag("--force", options->force, "replace the output when it exists");
  add_target_option(*verb, options->policy);
  add_mask_options(*verb, options->measure);
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
