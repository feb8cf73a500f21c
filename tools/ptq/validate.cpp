// ptq validate: the quantized model against FP32 on the same samples, with gates.

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "ptq/error.h"
#include "report/table.h"
#include "report/text_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  DataOptionsCli data;
  MeasureCli measure;  // states alone
  std::filesystem::path fp32;
  std::filesystem::path quantized;
  std::string labels;
  ValidationLimits limits;
};

std::string verdict_text(const Options& options, const Validation& validation) {
  std::string text = fmt::format("{} validate {}", validation.passed() ? "PASS" : "FAIL",
                                 printable(options.quantized.string()));
  if (validation.labels) {
    text += fmt::format("  top-1 {:.2f} -> {:.2f} %", validation.labels->fp32_percent(),
                        validation.labels->quantized_percent());
  }
  const auto worst = std::ranges::min_element(validation.outputs, {}, &OutputError::sqnr_db);
  if (worst != validation.outputs.end()) {
    text += fmt::format("  SQNR {}", decibel_text(worst->sqnr_db));
  }
  return text + fmt::format("  {} gate(s)", validation.gates.size());
}

int run(const Options& options) {
  const DataRequest data{.data = options.data.data,
                         .options = options.data.options,
                         .measure = measure_options(options.measure),
                         .threads = options.common.threads,
                         .progress = progress_bar("validating", options.common),
                         .stop = &stop_requested};
  const Validation validation =
      validate_models(options.fp32, options.quantized, data, options.labels, options.limits);
  ReportHeader header = make_header("validate", {options.fp32, options.quantized}, true);
  report_warnings(header, validation.warnings);
  return deliver(options.common, {.text = validation_text(validation),
                                  .json = validation_json(header, validation),
                                  .verdict = verdict_text(options, validation),
                                  .passed = validation.passed()});
}

}  // namespace

Verb add_validate(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("validate", "compare a quantized model with FP32, with gates");
  auto options = std::make_shared<Options>();
  verb->add_option("fp32", options->fp32, "FP32 ONNX file")->required();
  verb->add_option("quantized", options->quantized, "quantized ONNX file")->required();
  add_data_option(*verb, options->data, true);
  add_state_option(*verb, options->measure);
  verb->add_option("--labels", options->labels,
                   "classes: a key of the .npz samples, or a .csv or .npy file");
  verb->add_option("--max-drop", options->limits.max_drop,
                   "fail when top-1 falls by more than this many points")
      ->check(CLI::Range(-100.0, 100.0))
      ->group("Gates");
  verb->add_option("--min-sqnr", options->limits.min_sqnr_db,
                   "fail when an output's SQNR is below this many dB")
      ->group("Gates");
  verb->add_option("--min-agreement", options->limits.min_agreement,
                   "fail when top-1 agrees on less than this percentage")
      ->check(CLI::Range(0.0, 100.0))
      ->group("Gates");
  add_common_options(*verb, options->common);
  add_artefact_options(*verb, options->common.artefacts);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
