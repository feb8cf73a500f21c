// ptq bench: how fast the quantized model is beside FP32, on this machine.

#include <charconv>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli.h"
#include "ptq/error.h"
#include "report/benchmark_report.h"

namespace ptq::cli {
namespace {

struct Options {
  Common common;
  DataOptionsCli data;
  std::filesystem::path fp32;
  std::filesystem::path quantized;
  std::vector<std::string> shapes;
  BenchmarkRequest request;
};

// "input=1x3x224x224".
std::pair<std::string, Shape> parse_shape(const std::string& text) {
  const auto refuse = [&]() {
    throw Error(ErrorCode::kUsage,
                fmt::format("--shape wants NAME=1x3x224x224 with positive dimensions, found '{}'",
                            printable(text)));
  };
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) {
    refuse();
  }
  Shape shape;
  const char* at = text.data() + equals + 1;
  const char* const end = text.data() + text.size();
  for (;;) {
    int64_t size = 0;
    const auto [rest, error] = std::from_chars(at, end, size);
    if (error != std::errc() || size < 1 || (rest != end && *rest != 'x')) {
      refuse();
    }
    shape.push_back(size);
    if (rest == end) {
      return {text.substr(0, equals), shape};
    }
    at = rest + 1;
  }
}

int run(Options& options) {
  BenchmarkRequest& request = options.request;
  for (const std::string& text : options.shapes) {
    request.shapes.insert(parse_shape(text));
  }
  request.data = options.data.data;
  request.options = options.data.options;
  request.threads = options.common.threads;
  request.progress = progress_bar("measuring", options.common);
  request.stop = &stop_requested;
  const Benchmark result = benchmark_models(options.fp32, options.quantized, request);
  ReportHeader header = make_header("bench", {options.fp32, options.quantized}, true);
  report_warnings(header, result.warnings);
  return deliver(
      options.common,
      {.text = benchmark_text(result, header),
       .json = benchmark_json(header, result),
       .verdict = fmt::format(
           "PASS bench {}  {} ({:.3f} -> {:.3f} ms){}", printable(options.quantized.string()),
           speedup_text(result.speedup.median), result.fp32_ms.median, result.quantized_ms.median,
           result.generated ? ", generated inputs" : "")});
}

}  // namespace

Verb add_bench(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("bench", "time a quantized model beside FP32");
  auto options = std::make_shared<Options>();
  verb->add_option("fp32", options->fp32, "FP32 ONNX file")->required();
  verb->add_option("quantized", options->quantized, "quantized ONNX file")->required();
  add_data_option(*verb, options->data, false);
  verb->add_option("--shape", options->shapes,
                   "shape of a generated input whose dimensions are open, NAME=1x3x224x224");
  verb->add_option("--batch", options->request.batch, "samples a run [1]")
      ->check(CLI::Range(int64_t{1}, int64_t{65536}));
  verb->add_option("--runs", options->request.runs, "timed runs of each model [30]")
      ->check(CLI::Range(size_t{1}, size_t{1000000}));
  verb->add_option("--warmup", options->request.warmup,
                   "runs of each before them that do not count [5]")
      ->check(CLI::Range(size_t{0}, size_t{1000000}));
  add_common_options(*verb, options->common);
  return {verb, [options] { return run(*options); }, &options->common};
}

}  // namespace ptq::cli
