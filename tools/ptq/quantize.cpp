// ptq quantize: FP32 model and samples (or statistics) to a checked INT8 model.

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "core/atomic_file.h"
#include "onnx_io/write.h"
#include "ptq/error.h"
#include "quantize_weights.h"
#include "report/text_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  DataOptionsCli data;
  StatsCli stats;
  MeasureCli measure;
  PolicyCli policy;
  RecipeCli recipe;
  WeightOnlyCli weight_only;
  const CLI::App* verb = nullptr;
  std::filesystem::path model;
  std::filesystem::path output;
  double float_below_db = 20.0;
  bool keep_faster = false;
  bool force = false;
  bool no_fallback = false;
};

// Only ONNX Runtime is there to be asked.
void check_no_fallback(const Target& target) {
  if (target.engine != Engine::kOnnxRuntime) {
    throw Error(ErrorCode::kUsage,
                fmt::format("--no-fallback reads back the kernels of ONNX Runtime, but target {} "
                            "is executed by {}; leave it out, or take an ort target",
                            target.name, engine_name(target.engine)));
  }
}

std::string verdict_text(const Options& options, const Quantized& result, bool refused) {
  if (refused && result.plan.slower_than_fp32) {
    return fmt::format("FAIL quantize {}  slower than FP32 on this processor; nothing was written",
                       printable(options.model.string()));
  }
  if (refused) {
    return fmt::format(
        "FAIL quantize {}  {} node(s) planned in integers get no integer kernel; nothing was "
        "written",
        printable(options.model.string()), result.runtime.fallbacks());
  }
  return fmt::format(
      "PASS quantize {}  wrote {}, {:.2f} x smaller", printable(options.model.string()),
      printable(options.output.string()),
      static_cast<double>(result.original_size_bytes) / static_cast<double>(result.size_bytes));
}

void check_outputs(Options& options) {
  if (options.output.empty()) {
    options.output = with_suffix(options.model, ".int8.onnx");
  }
  std::vector<std::filesystem::path> inputs =
      protected_paths({options.model, options.stats.path, options.recipe.file}, options.data);
  check_output_path(options.output, inputs, options.force);
  if (!options.recipe.save.empty()) {
    check_output_path(options.recipe.save, inputs, options.force);
    if (options.recipe.save == options.output) {
      throw Error(ErrorCode::kUsage,
                  "--save-recipe and --output name the same file; give the recipe another one");
    }
  }
}

// That of the request; with the products that timing chose, which another run might not.
Recipe repeatable(const QuantizeRequest& request, const Quantized& result) {
  Recipe recipe = request;
  if (request.keep_faster) {
    recipe.float_below_db = 0.0;
    recipe.keep_float.insert(recipe.keep_float.end(), result.left_in_float.begin(),
                             result.left_in_float.end());
  }
  return recipe;
}

QuantizeRequest request_of(const Options& options) {
  QuantizeRequest request = make_request(options.policy, options.common);
  request.float_below_db = options.float_below_db;
  apply_recipe(*options.verb, options.recipe, request);
  if (options.no_fallback) {
    check_no_fallback(*request.target);
  }
  request.samples = {.data = options.data.data,
                     .options = options.data.options,
                     .measure = measure_options(options.measure),
                     .stop = &stop_requested};
  request.keep_faster = options.keep_faster;
  check_request(request);
  return request;
}

int run(Options& options) {
  if (asks_for_weights_alone(options.weight_only)) {
    if (!options.data.data.empty() || !options.stats.path.empty()) {
      throw Error(ErrorCode::kUsage, "--weight-only uses no samples: leave --data and --stats out");
    }
    if (!options.recipe.file.empty() || !options.recipe.save.empty()) {
      throw Error(ErrorCode::kUsage,
                  "--weight-only has no recipe: leave --recipe and --save-recipe out");
    }
    return quantize_weights_alone({.weight_only = options.weight_only,
                                   .common = options.common,
                                   .policy = options.policy,
                                   .model = options.model,
                                   .output = options.output,
                                   .force = options.force});
  }
  if (options.policy.weights == "int4" || options.policy.weights == "uint4") {
    throw Error(ErrorCode::kUsage,
                fmt::format("--weights {} is there for weights alone; add --weight-only or --group",
                            options.policy.weights));
  }
  check_outputs(options);
  QuantizeRequest request = request_of(options);
  const LoadedModel model = load_model(options.model);
  const std::vector<Decision> coverage = plan_coverage(model, *request.target, request.keep_float);
  if (!any_integer(coverage)) {
    return deliver(options.common,
                   nothing_to_quantize(make_header("quantize", {options.model}, false), model,
                                       options.model, coverage));
  }
  std::vector<std::string> warnings;
  const ActivationStats stats = stats_for(
      model,
      {options.data, options.stats, *request.target, request.keep_float, request.samples.measure},
      options.common, warnings);
  if (!options.data.data.empty()) {
    request.sample = first_sample(model, request.samples);
  }
  const Quantized result = quantize_model(model, stats, request);
  ReportHeader header = make_header("quantize", {options.model}, true);
  report_warnings(header, warnings);
  const std::vector<Decision> decisions = all_decisions(result.plan);
  if (!any_integer(decisions)) {
    return deliver(options.common, nothing_to_quantize(header, model, options.model, decisions));
  }
  const bool refused =
      result.plan.slower_than_fp32 || (options.no_fallback && result.runtime.fallbacks() > 0);
  const std::filesystem::path written = refused ? std::filesystem::path() : options.output;
  if (!refused) {
    write_model(result.model, options.output);
    if (!options.recipe.save.empty()) {
      write_recipe(repeatable(request, result), options.recipe.save);
    }
  }
  header.passed = !refused;
  return deliver(options.common, {.text = quantize_text(model, result, options.model, written),
                                  .json = quantize_json(header, model, result, written),
                                  .verdict = verdict_text(options, result, refused),
                                  .passed = !refused});
}

}  // namespace

Verb add_quantize(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("quantize", "write an INT8 model");
  auto options = std::make_shared<Options>();
  options->verb = verb;
  verb->add_option("model", options->model, "FP32 ONNX file")->required();
  add_data_option(*verb, options->data, false);
  add_stats_option(*verb, options->stats);
  add_measure_options(*verb, options->measure);
  verb->add_option("-o,--output", options->output, "quantized model [MODEL.int8.onnx]");
  verb->add_flag("--force", options->force, "replace the output when it exists");
  verb->add_flag("--no-fallback", options->no_fallback,
                 "exit 1 without a file when ONNX Runtime has no integer kernel for a node that "
                 "was planned in integers");
  verb->add_option("--weights", options->policy.weights,
                   "codes of weights: auto (that of the target), int8-safe, int8, int8-7bit, "
                   "uint8; with --weight-only int4, uint4, int8 or uint8 [auto]")
      ->check(CLI::IsMember({"auto", "int8-safe", "int8", "int8-7bit", "uint8", "int4", "uint4"}))
      ->group("Plan");
  add_granularity_option(*verb, options->policy);
  verb->add_option("--float-below", options->float_below_db,
                   "leave a product in float when in integers it alone brings an output below so "
                   "many dB of SQNR on 16 of the samples; 0: never [20]")
      ->check(CLI::Range(0.0, 200.0))
      ->group("Plan");
  verb->add_flag(
          "--keep-faster", options->keep_faster,
          "time each product on this processor and leave those in float that are faster "
          "there; exit 1 without a file when even the best is slower than FP32; needs --data and "
          "an ort target; timing, so files may differ between runs")
      ->group("Plan");
  verb->add_flag("--assume-vnni", options->policy.assume_vnni,
                 "the file will only run on processors whose 8-bit products are exact (VNNI, AMX): "
                 "same as --weights int8")
      ->group("Plan");
  add_weight_only_options(*verb, options->weight_only);
  add_method_options(*verb, options->policy);
  add_policy_options(*verb, options->policy);
  add_recipe_options(*verb, options->recipe);
  add_common_options(*verb, options->common);
  add_artefact_options(*verb, options->common.artefacts);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
