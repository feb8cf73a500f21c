// ptq data check: everything that can be known about samples without running the model.

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "ptq/error.h"
#include "report/data_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  DataOptionsCli data;
  MeasureCli measure;  // states alone
  std::filesystem::path model;
  std::string fail_on = "error";
};

int run(const Options& options) {
  const DataCheck check =
      check_data(options.model, {.data = options.data.data,
                                 .options = options.data.options,
                                 .measure = measure_options(options.measure),
                                 .threads = options.common.threads,
                                 .progress = progress_bar("checking", options.common),
                                 .stop = &stop_requested});
  const auto count = [&check](const char* severity) {
    return std::ranges::count(check.findings, severity, &SampleFinding::severity);
  };
  const bool refused = check.has("error");
  const bool passed = !refused && (options.fail_on != "warning" || !check.has("warning"));
  ReportHeader header =
      make_header("data_check", reported_paths(options.model, options.data), false);
  header.passed = passed;
  for (const SampleFinding& finding : check.findings) {
    header.warnings.push_back(finding.message);
  }
  const int code =
      deliver(options.common,
              {.text = data_check_text(check),
               .json = data_check_json(header, check),
               .verdict = fmt::format("{} data check {}  {} samples, {} error(s), {} warning(s)",
                                      passed ? "PASS" : "FAIL", printable(options.model.string()),
                                      check.samples, count("error"), count("warning")),
               .passed = passed});
  return refused ? static_cast<int>(ErrorCode::kInput) : code;
}

}  // namespace

Verb add_data_check(CLI::App& group) {
  CLI::App* verb =
      group.add_subcommand("check", "check samples against a model without running it");
  auto options = std::make_shared<Options>();
  verb->add_option("model", options->model, "ONNX file whose inputs the samples are for")
      ->required();
  add_data_option(*verb, options->data, true);
  add_state_option(*verb, options->measure);
  verb->add_option("--fail-on", options->fail_on,
                   "exit 1 when there is a finding so severe: error (which is exit 3 anyway) or "
                   "warning [error]")
      ->check(CLI::IsMember({"error", "warning"}));
  add_common_options(*verb, options->common);
  add_artefact_options(*verb, options->common.artefacts);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
