// ptq validate: the quantized model against FP32 on the same samples, with gates.

#include <algorithm>
#include <charconv>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "core/atomic_file.h"
#include "ptq/error.h"
#include "report/validation_report.h"
#include "validate/task.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  DataOptionsCli data;
  MeasureCli measure;  // states alone
  std::filesystem::path fp32;
  std::filesystem::path quantized;
  ValidationRequest request;
  std::string max_drop;
  std::vector<std::string> min_sqnr;   // [OUTPUT=]DB
  std::vector<std::string> max_error;  // [OUTPUT=]VALUE
  std::string on_inconclusive = "fail";
  std::filesystem::path baseline;
  std::string max_regression;
  std::filesystem::path stats;
  std::vector<std::string> calibration;
};

double parse_number(std::string_view text, std::string_view option) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    throw Error(ErrorCode::kUsage,
                fmt::format("{}: expected a number, found '{}'", option, printable(text, 60)));
  }
  return value;
}

// "20" or "logits=20"; names may hold '='.
OutputLimit parse_limit(const std::string& text, std::string_view option) {
  const size_t equals = text.rfind('=');
  const bool named = equals != std::string::npos;
  return {.output = named ? text.substr(0, equals) : std::string(),
          .limit = parse_number(
              named ? std::string_view(text).substr(equals + 1) : std::string_view(text), option)};
}

// "0.5dB" is about outputs, "0.3" or "0.3points" about the metric of the task.
void parse_regression(const Options& options, ValidationLimits& limits) {
  if (options.baseline.empty()) {
    if (!options.max_regression.empty()) {
      throw Error(ErrorCode::kUsage, "--max-regression needs --baseline FILE to compare with");
    }
    return;
  }
  limits.baseline = read_baseline(options.baseline);
  std::string text = options.max_regression;
  if (text.ends_with("dB")) {
    text.resize(text.size() - 2);
    limits.max_regression_db = parse_number(text, "--max-regression");
  } else if (!text.empty()) {
    text.resize(text.size() - (text.ends_with("points") ? 6 : 0));
    limits.max_regression_drop = parse_number(text, "--max-regression");
    limits.baseline->sqnr_db.clear();
  }
}

InconclusivePolicy parse_policy(const std::string& text) {
  return text == "pass"   ? InconclusivePolicy::kPass
         : text == "warn" ? InconclusivePolicy::kWarn
                          : InconclusivePolicy::kFail;
}

void add_calibration(const Options& options, const DataRequest& data, ValidationRequest& request) {
  if (!options.stats.empty() && !options.calibration.empty()) {
    throw Error(ErrorCode::kUsage, "--stats and --calibration say the same; give one of them");
  }
  if (!options.stats.empty()) {
    request.calibration = CalibrationHashes{.name = options.stats.string(),
                                            .hashes = read_stats(options.stats).sample_hashes};
  } else if (!options.calibration.empty()) {
    DataRequest calibration = data;
    calibration.data = options.calibration;
    calibration.options.max_samples = 0;
    request.calibration = hash_samples(options.fp32, calibration);
  }
}

ValidationRequest make_request(const Options& options, const DataRequest& data) {
  ValidationRequest request = options.request;
  ValidationLimits& limits = request.limits;
  if (!options.max_drop.empty()) {
    limits.max_drop = parse_number(options.max_drop, "--max-drop");
  }
  for (const std::string& text : options.min_sqnr) {
    limits.min_sqnr_db.push_back(parse_limit(text, "--min-sqnr"));
  }
  for (const std::string& text : options.max_error) {
    limits.max_error.push_back(parse_limit(text, "--max-error"));
  }
  limits.on_inconclusive = parse_policy(options.on_inconclusive);
  parse_regression(options, limits);
  add_calibration(options, data, request);
  request.speed_threads = options.common.threads;
  return request;
}

void check_dump_folder(const std::filesystem::path& folder) {
  if (!folder.empty() && !std::filesystem::is_directory(folder)) {
    throw Error(ErrorCode::kUsage, fmt::format("--dump-worst: {} is no folder; make it first",
                                               printable(folder.string())));
  }
}

int run(const Options& options) {
  check_dump_folder(options.request.dump_folder);
  const DataRequest data{.data = options.data.data,
                         .options = options.data.options,
                         .measure = measure_options(options.measure),
                         .threads = options.common.threads,
                         .progress = progress_bar("validating", options.common),
                         .stop = &stop_requested};
  const ValidationRequest request = make_request(options, data);
  Validation validation = validate_models(options.fp32, options.quantized, data, request);
  validation.settings.on_inconclusive = options.on_inconclusive;
  ReportHeader header = make_header("validate", {options.fp32, options.quantized}, true);
  report_warnings(header, validation.warnings);
  return deliver(options.common, {.text = validation_text(validation),
                                  .json = validation_json(header, validation),
                                  .verdict = fmt::format("{} validate {}{}", validation.verdict(),
                                                         printable(options.quantized.string()),
                                                         validation_figures(validation)),
                                  .passed = validation.passed()});
}

std::string task_help() {
  std::string text = "what the labels are for [classification]:";
  for (const TaskRow& task : tasks()) {
    text += fmt::format("\n{}: {}", task.name, task.summary);
  }
  return text;
}

void add_task_options(CLI::App& verb, Options& options) {
  TaskOptions& task = options.request.task;
  verb.add_option("--labels", task.labels,
                  "labels: a key of the .npz samples, or a .csv or .npy file")
      ->group("Task");
  verb.add_option("--task", task.name, task_help())->group("Task");
  verb.add_option("--metric", task.metric, "metric of the task that --max-drop judges [its first]")
      ->group("Task");
  verb.add_option("--task-output", task.output, "output that the task reads [the first that fits]")
      ->group("Task");
  verb.add_option("--ignore-label", task.ignore_label,
                  "label that does not count [255 for segmentation, -100 for lm]")
      ->group("Task");
  verb.add_option("--detections", task.detections,
                  "how a detector's outputs are read: yolox or boxes [what fits]")
      ->check(CLI::IsMember({"yolox", "boxes"}))
      ->group("Task");
  verb.add_option("--score-threshold", task.score_threshold,
                  "detections of a lower score are left out [0.001]")
      ->check(CLI::Range(0.0, 1.0))
      ->group("Task");
  verb.add_option("--nms-iou", task.nms_iou,
                  "overlap above which the weaker box of a class is dropped, of raw heads [0.65]")
      ->check(CLI::Range(0.0, 1.0))
      ->group("Task");
  verb.add_option("--evaluate", options.request.evaluate.command,
                  "a command of your own, run by /bin/sh for both models in place of {model}; the "
                  "last line that it prints is the metric")
      ->group("Task");
  verb.add_flag("--lower-is-better", options.request.evaluate.lower_is_better,
                "the number of --evaluate is an error, not a score")
      ->group("Task");
  verb.add_option("--evaluate-timeout", options.request.evaluate.timeout_seconds,
                  "seconds after which --evaluate is stopped [3600]")
      ->check(CLI::PositiveNumber)
      ->group("Task");
}

void add_gate_options(CLI::App& verb, Options& options) {
  ValidationLimits& limits = options.request.limits;
  const auto gate = [](CLI::Option* option) { option->group("Gates"); };
  gate(verb.add_option("--max-drop", options.max_drop,
                       "fail unless the metric surely loses at most this much (points, where it is "
                       "a percentage)"));
  gate(verb.add_option("--confidence", options.request.confidence, "how sure, one-sided [0.95]")
           ->check(CLI::Range(0.5, 0.999999)));
  gate(verb.add_option("--on-inconclusive", options.on_inconclusive,
                       "when the samples are too few to tell: fail, pass or warn [fail]")
           ->check(CLI::IsMember({"fail", "pass", "warn"})));
  gate(verb.add_option("--min-sqnr", options.min_sqnr,
                       "fail when an output's SQNR is below this many dB, [OUTPUT=]DB"));
  gate(verb.add_option("--max-error", options.max_error,
                       "fail when a value of an output is further off, [OUTPUT=]VALUE"));
  gate(verb.add_option("--min-agreement", limits.min_agreement,
                       "fail when top-1 agrees on less than this percentage")
           ->check(CLI::Range(0.0, 100.0)));
  gate(verb.add_option("--max-kl", limits.max_kl,
                       "fail when the mean KL divergence of the decisions is above, in nats")
           ->check(CLI::NonNegativeNumber));
  gate(verb.add_option("--min-size-ratio", limits.min_size_ratio,
                       "fail when the file is not this many times smaller")
           ->check(CLI::PositiveNumber));
  gate(verb.add_option("--min-integer-share", limits.min_integer_share,
                       "fail when less of the multiply-accumulates runs in integers, 0 to 1")
           ->check(CLI::Range(0.0, 1.0)));
  gate(verb.add_option("--min-speedup", limits.min_speedup,
                       "fail when it is not this many times faster on this machine")
           ->check(CLI::PositiveNumber));
  gate(verb.add_option("--speed-runs", options.request.speed_runs,
                       "timed runs of each model for it [30]")
           ->check(CLI::Range(size_t{5}, size_t{100000})));
  gate(verb.add_option("--baseline", options.baseline,
                       "JSON document of an earlier validation that must not be undercut"));
  gate(verb.add_option("--max-regression", options.max_regression,
                       "by more than this: 0.5dB of any output, or 0.3points of the metric [0dB]"));
  gate(verb.add_flag("--forbid-overlap", limits.forbid_overlap,
                     "fail when a sample was calibrated on"));
}

void add_run_options(CLI::App& verb, Options& options) {
  ValidationRequest& request = options.request;
  verb.add_option("--stats", options.stats, "statistics that tell what was calibrated on");
  verb.add_option("--calibration", options.calibration,
                  "the samples of calibration, as --data takes them, to compare with");
  verb.add_option("--worst", request.worst, "samples of the lowest SQNR to name [5]")
      ->check(CLI::Range(size_t{0}, size_t{10000}));
  verb.add_flag("--layers,!--no-layers", request.layers,
                "say which layers the error comes from, and which to leave in float");
  verb.add_option("--dump-worst", request.dump_folder,
                  "folder that receives their inputs as npz files");
  verb.add_option("--runtime-opt", request.runtime_opt,
                  "how far the runtime optimizes both models: all, basic or none [all]")
      ->check(CLI::IsMember({"all", "basic", "none"}));
  verb.add_option("--accuracy-level", request.accuracy_level,
                  "of MatMulNBits as deployed: 0 to 4 [the runtime's own]")
      ->check(CLI::Range(0, 4));
  verb.add_option("--seed", request.seed, "of the bootstrap [0]");
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
  add_run_options(*verb, *options);
  add_task_options(*verb, *options);
  add_gate_options(*verb, *options);
  add_common_options(*verb, options->common);
  add_artefact_options(*verb, options->common.artefacts);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
