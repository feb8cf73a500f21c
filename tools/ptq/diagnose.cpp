// ptq diagnose: how hard each activation is to quantize, and which estimator it calls for.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "ptq/error.h"
#include "report/text_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  DataOptionsCli data;
  StatsCli stats;
  MeasureCli measure;
  PolicyCli policy;
  std::filesystem::path model;
  size_t top = 20;
};

int run(const Options& options) {
  const LoadedModel model = load_model(options.model);
  const QuantizeRequest request = make_request(options.policy, options.common);
  const std::vector<Decision> coverage =
      plan_coverage(model, find_target(options.policy.target), options.policy.keep_float);
  if (!any_integer(coverage)) {
    return deliver(options.common,
                   nothing_to_quantize(make_header("diagnose", {options.model}, false), model,
                                       options.model, coverage));
  }
  std::vector<std::string> warnings;
  const ActivationStats stats = stats_for(
      model, {options.data, options.stats, options.policy, measure_options(options.measure)},
      options.common, warnings);
  const std::vector<TensorDiagnosis> tensors = diagnose_model(model, stats, request);
  ReportHeader header = make_header("diagnose", {options.model}, true);
  report_warnings(header, warnings);
  size_t hard = 0;
  for (const TensorDiagnosis& tensor : tensors) {
    hard += tensor.severity == "hard" ? 1U : 0U;
  }
  return deliver(options.common,
                 {.text = diagnosis_text(tensors, options.top),
                  .json = diagnosis_json(header, tensors),
                  .verdict = fmt::format("PASS diagnose {}  {} tensors, {} hard",
                                         printable(options.model.string()), tensors.size(), hard)});
}

}  // namespace

Verb add_diagnose(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("diagnose", "say how hard each activation is to quantize");
  auto options = std::make_shared<Options>();
  verb->add_option("model", options->model, "FP32 ONNX file")->required();
  add_data_option(*verb, options->data, false);
  add_stats_option(*verb, options->stats);
  add_measure_options(*verb, options->measure);
  verb->add_option("--top", options->top, "rows to show, hardest first, 0 = all [20]");
  add_policy_options(*verb, options->policy);
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
