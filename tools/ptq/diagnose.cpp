// ptq diagnose: how hard each layer is to quantize, which estimator it calls for, and whether the
// model will survive quantization.

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "next_command.h"
#include "ptq/error.h"
#include "report/calibration_set_report.h"
#include "report/diagnose_report.h"
#include "report/table.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  DataOptionsCli data;
  StatsCli stats;
  MeasureCli measure;
  PolicyCli policy;
  std::filesystem::path model;
  VerdictRequest verdict;
  DiagnosisView view;
  std::string sort;
  std::string layer;
  std::string fail_on = "none";
  bool probe = true;
};

int rank_of(const std::string& severity) {
  return severity == "error" ? 3 : severity == "warning" ? 2 : severity == "info" ? 1 : 4;
}

// Findings at least as severe as --fail-on.
template <typename Finding>
int64_t failing(const std::vector<Finding>& findings, const std::string& fail_on) {
  return std::ranges::count_if(findings, [&fail_on](const Finding& finding) {
    return rank_of(finding.severity) >= rank_of(fail_on);
  });
}

std::string last_line(const Options& options, const ModelDiagnosis& diagnosis, bool passed) {
  const auto count = [&diagnosis](const char* severity) {
    return std::ranges::count(diagnosis.findings, severity, &DiagnosisFinding::severity);
  };
  return fmt::format("{} diagnose {}  {}, predicted {} at the output, {} error(s), {} warning(s)",
                     passed ? "PASS" : "FAIL", printable(options.model.string()),
                     answer_name(diagnosis.verdict.answer), decibel_text(diagnosis.verdict.sqnr_db),
                     count("error"), count("warning"));
}

// Rows about the calibration set, beside `top` rows of layers; 0: all.
size_t set_rows(size_t top) {
  constexpr size_t kMost = 6;
  return std::min(top, kMost);
}

// Says whether the samples are enough, before layers are left out of the table.
CalibrationSet judge_set(const ActivationStats& stats, const SampleSketches& sketches,
                         const ModelDiagnosis& diagnosis) {
  std::map<std::string, Extremes> ranges;
  for (const LayerDiagnosis& layer : diagnosis.layers) {
    if (layer.tensor) {
      ranges[layer.tensor->name] = {layer.tensor->range.lo, layer.tensor->range.hi};
    }
  }
  return judge_calibration(stats, sketches, ranges);
}

int run(Options& options) {
  const LayerOrder& order = layer_order(!options.sort.empty()       ? options.sort
                                        : options.verdict.bits == 8 ? "noise"
                                                                    : "noise4");
  const LoadedModel model = load_model(options.model);
  QuantizeRequest request = make_request(options.policy, options.common);
  const std::vector<Decision> coverage =
      plan_coverage(model, find_target(options.policy.target), options.policy.keep_float);
  if (!any_integer(coverage) && options.verdict.bits == 8) {
    return deliver(options.common,
                   nothing_to_quantize(make_header("diagnose", {options.model}, false), model,
                                       options.model, coverage));
  }
  std::vector<std::string> warnings;
  const MeasureOptions measure = measure_options(options.measure);
  SampleSketches sketches;
  const ActivationStats stats =
      stats_for(model,
                {options.data, options.stats, *request.target, request.keep_float, measure,
                 measure.batch == 1 ? &sketches : nullptr},
                options.common, warnings);
  if (!options.data.data.empty()) {
    DataRequest samples{.data = options.data.data, .options = options.data.options};
    request.sample = first_sample(model, samples);
    if (options.probe) {
      samples.measure = measure;
      samples.stop = &stop_requested;
      request.samples = std::move(samples);
    }
  }
  ModelDiagnosis diagnosis = diagnose_layers(model, stats, request, options.verdict);
  if (!options.data.data.empty()) {
    add_still_channels(
        find_still_channels(model, {.data = options.data.data,
                                    .options = options.data.options,
                                    .measure = measure,
                                    .threads = options.common.threads,
                                    .progress = progress_bar("channels", options.common),
                                    .stop = &stop_requested}),
        diagnosis);
  }
  const CalibrationSet set = judge_set(stats, sketches, diagnosis);
  if (!options.layer.empty()) {
    select_layers(diagnosis.layers, options.layer);
  }
  sort_layers(diagnosis.layers, order);
  options.view.bits = options.verdict.bits;
  options.view.wide = options.view.wide || options.common.verbose;
  ReportHeader header = make_header("diagnose", {options.model}, true);
  report_warnings(header, warnings);
  const bool passed = failing(diagnosis.findings, options.fail_on) == 0 &&
                      failing(set.findings, options.fail_on) == 0;
  header.passed = passed;
  const std::string command =
      next_command(diagnosis.verdict, options.verdict.bits,
                   {options.model, options.data, options.stats, options.policy});
  return deliver(options.common,
                 {.text = layers_text(diagnosis, options.view) +
                          calibration_set_text(set, set_rows(options.view.top)) +
                          verdict_text(diagnosis.verdict, command),
                  .json = layers_json(header, diagnosis, {options.verdict, command, &set, &stats}),
                  .verdict = last_line(options, diagnosis, passed),
                  .passed = passed});
}

void add_table_options(CLI::App& verb, Options& options) {
  std::string keys;
  for (const LayerOrder& order : layer_orders()) {
    keys += (keys.empty() ? "" : ", ") + std::string(order.key);
  }
  verb.add_option("--sort", options.sort, "rows by " + keys + " [noise, with --bits 4 noise4]")
      ->group("Table");
  verb.add_option("--top", options.view.top, "rows to show, 0 = all [20]")->group("Table");
  verb.add_option("--layer", options.layer,
                  "only layers whose node or activation matches this pattern (* ? [...])")
      ->group("Table");
  verb.add_flag("--wide", options.view.wide, "all columns; so does -v")->group("Table");
}

void add_verdict_options(CLI::App& verb, Options& options) {
  verb.add_option("--bits", options.verdict.bits,
                  "width that the verdict is about: 8 for activations and weights, 4 for weights "
                  "alone [8]")
      ->check(CLI::IsMember({8, 4}))
      ->group("Verdict");
  verb.add_option("--budget", options.verdict.budget,
                  "points of accuracy that may be lost, by prediction [1.0]")
      ->check(CLI::Range(0.0, 100.0))
      ->group("Verdict");
  verb.add_option("--fail-on", options.fail_on,
                  "exit 1 when there is a finding so severe: none, info, warning or error [none]")
      ->check(CLI::IsMember({"none", "info", "warning", "error"}))
      ->group("Verdict");
  verb.add_flag(
          "--probe,!--no-probe", options.probe,
          "measure what noise on each value does to the outputs, on up to 32 samples, instead "
          "of estimating it from weights and statistics [on with --data]")
      ->group("Verdict");
}

}  // namespace

Verb add_diagnose(CLI::App& app) {
  CLI::App* verb = app.add_subcommand(
      "diagnose", "say how hard each layer is to quantize, and whether the model will survive it");
  auto options = std::make_shared<Options>();
  verb->add_option("model", options->model, "FP32 ONNX file")->required();
  add_data_option(*verb, options->data, false);
  add_stats_option(*verb, options->stats);
  add_measure_options(*verb, options->measure);
  add_table_options(*verb, *options);
  add_verdict_options(*verb, *options);
  add_policy_options(*verb, options->policy);
  add_common_options(*verb, options->common);
  add_artefact_options(*verb, options->common.artefacts);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
