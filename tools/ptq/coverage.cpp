// ptq coverage: does the calibration cover what production meets.

#include <algorithm>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "core/atomic_file.h"
#include "ptq/error.h"
#include "report/coverage_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  PolicyCli policy;
  std::filesystem::path calibration;
  std::filesystem::path production;
  std::optional<double> limit_clipped;
  std::optional<double> limit_range;
  size_t top = 20;
  // Closing gaps.
  DataOptionsCli pool;
  MeasureCli measure;
  std::filesystem::path model;
  std::filesystem::path output;
  size_t count = 0;
  bool force = false;
};

void check_pool_options(const Options& options) {
  const bool pool = !options.pool.data.empty();
  if (pool != !options.model.empty() || pool != !options.output.empty()) {
    throw Error(ErrorCode::kUsage,
                "--pool, --model and -o belong together: the model is run over the pool, and the "
                "samples that close gaps are written to the list; give all three or none");
  }
  if (pool) {
    check_output_path(
        options.output,
        protected_paths({options.model, options.calibration, options.production}, options.pool),
        options.force);
  }
}

// Looks for samples of the pool that close the gaps, and writes them down if there are any.
PoolClosing close_with_pool(const Options& options, const NamedStats& calibration,
                            const std::vector<TensorCoverage>& tensors,
                            std::vector<std::string>& warnings) {
  const LoadedModel model = load_model(options.model);
  check_stats_belong(calibration.stats, model);
  const DataRequest pool{.data = options.pool.data,
                         .options = options.pool.options,
                         .measure = measure_options(options.measure),
                         .threads = options.common.threads,
                         .progress = progress_bar("looking at samples", options.common),
                         .stop = &stop_requested};
  const SampleSketches sketches =
      sketch_pool(model, find_target(options.policy.target), pool, 1, warnings);
  PoolClosing out{.pool_samples = sketches.samples.size(),
                  .closing = close_gaps(sketches, tensors, options.count)};
  if (!out.closing.chosen.empty()) {
    PoolList list = pool_list(model, pool, sketches, out.closing.chosen, options.output);
    warnings.insert(warnings.end(), list.warnings.begin(), list.warnings.end());
    AtomicFile file(options.output);
    file.write(list.text);
    file.commit();
    out.output = options.output;
    out.origins = std::move(list.origins);
  }
  return out;
}

// The worst tensor by `measure`, against a limit.
template <typename Measure>
CoverageGate gate(const char* name, double limit, const std::vector<TensorCoverage>& tensors,
                  const Measure& measure) {
  CoverageGate out{.name = name, .limit = limit};
  for (const TensorCoverage& tensor : tensors) {
    if (const double measured = measure(tensor); measured > out.measured) {
      out.measured = measured;
      out.tensor = tensor.name;
    }
  }
  return out;
}

CoverageReport make_report(const Options& options, std::vector<std::string>& warnings) {
  const QuantizeRequest request = make_request(options.policy, options.common);
  const NamedStats calibration{options.calibration.string(), read_stats(options.calibration)};
  const NamedStats production{options.production.string(), read_stats(options.production)};
  CoverageReport report{.calibration_samples = calibration.stats.samples(),
                        .production_samples = production.stats.samples()};
  report.production = production_traits(calibration.stats, production.stats);
  report.tensors = compare_production(calibration, production, *request.target, request.policy,
                                      options.common.threads);
  if (options.limit_clipped) {
    report.gates.push_back(
        gate("clipped", *options.limit_clipped, report.tensors,
             [](const TensorCoverage& tensor) { return 100.0 * tensor.excess(); }));
  }
  if (options.limit_range) {
    report.gates.push_back(gate("range", *options.limit_range, report.tensors,
                                [](const TensorCoverage& tensor) { return tensor.absmax_ratio; }));
  }
  if (!options.pool.data.empty()) {
    report.closing = close_with_pool(options, calibration, report.tensors, warnings);
  }
  return report;
}

int run(const Options& options) {
  check_pool_options(options);
  std::vector<std::string> warnings;
  const CoverageReport report = make_report(options, warnings);
  const bool passed = std::ranges::all_of(report.gates, &CoverageGate::passed);
  ReportHeader header = make_header("coverage", {options.calibration, options.production},
                                    report.closing.has_value());
  report_warnings(header, warnings);
  header.passed = passed;
  const auto with_gap = std::ranges::count_if(
      report.tensors, [](const TensorCoverage& tensor) { return !tensor.gaps.empty(); });
  return deliver(options.common,
                 {.text = production_text(report, options.top),
                  .json = production_json(header, report),
                  .verdict = fmt::format(
                      "{} coverage {}  {} of {} tensors with gaps", passed ? "PASS" : "FAIL",
                      printable(options.production.string()), with_gap, report.tensors.size()),
                  .passed = passed});
}

}  // namespace

Verb add_coverage(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("coverage", "say whether the calibration covers what production meets");
  auto options = std::make_shared<Options>();
  verb->add_option("--calibration", options->calibration,
                   "statistics that the model is quantized with")
      ->required();
  verb->add_option("--production", options->production,
                   "statistics of the same model over production data")
      ->required();
  verb->add_option(
          "--limit-clipped", options->limit_clipped,
          "exit 1 when more percent of production are clipped in any tensor, beyond what the range "
          "clips of calibration on purpose")
      ->check(CLI::Range(0.0, 100.0))
      ->group("Gates");
  verb->add_option("--limit-range", options->limit_range,
                   "exit 1 when production reaches further in any tensor, in times of what "
                   "calibration saw")
      ->check(CLI::Range(0.0, 1e9))
      ->group("Gates");
  verb->add_option("--top", options->top, "tensors and gaps to show, gravest first, 0 = all [20]");
  add_data_option(*verb, options->pool, false, "--pool");
  verb->add_option("--model", options->model, "FP32 ONNX file, to run over the pool")
      ->group("Samples");
  verb->add_option("-o,--output", options->output,
                   "list of the samples of the pool that close gaps, for --data @LIST")
      ->group("Samples");
  verb->add_option("-n,--count", options->count, "at most so many samples, 0 = as needed [0]")
      ->group("Samples");
  verb->add_flag("--force", options->force, "replace the output when it exists")->group("Samples");
  add_mask_options(*verb, options->measure);
  add_policy_options(*verb, options->policy);
  add_common_options(*verb, options->common);
  add_artefact_options(*verb, options->common.artefacts);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
