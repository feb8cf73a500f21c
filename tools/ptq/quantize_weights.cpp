#include "quantize_weights.h"

#include <charconv>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/atomic_file.h"
#include "ptq/error.h"
#include "ptq/weight_only.h"
#include "report/weight_only_report.h"

namespace ptq::cli {
namespace {

constexpr const char* kGroup = "Weights alone";

int64_t parse_group(const std::string& text) {
  if (text == "per-channel") {
    return 0;
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value <= 0) {
    throw Error(ErrorCode::kUsage,
                fmt::format("--group: expected 16, 32, 64, 128, 256 or per-channel, found '{}'",
                            printable(text)));
  }
  return value;
}

DType parse_codes(const std::string& text) {
  if (text == "auto" || text == "int4") {
    return DType::kInt4;
  }
  if (text == "uint4") {
    return DType::kUint4;
  }
  if (text == "int8") {
    return DType::kInt8;
  }
  if (text == "uint8") {
    return DType::kUint8;
  }
  throw Error(
      ErrorCode::kUsage,
      fmt::format("--weight-only: expected --weights int4, uint4, int8 or uint8, found {}", text));
}

WeightOnlyRequest make_weight_request(const WeightOnlyRun& run) {
  const WeightOnlyCli& cli = run.weight_only;
  WeightOnlyRequest request;
  request.dtype = parse_codes(run.policy.weights);
  request.group = cli.group.empty() ? 32 : parse_group(cli.group);
  // Zero points are worth their eighth of a bit for 16 codes, not for 256.
  const bool few = bit_width(request.dtype) == 4;
  request.symmetric = cli.symmetric || (!cli.asymmetric && !few);
  request.search = !cli.no_search;
  request.half_scale = cli.scales == "float16";
  request.format = cli.weight_format == "qdq" ? WeightFormat::kQdq : WeightFormat::kMatMulNBits;
  request.eight_bit_ends = !cli.same_bits;
  for (const std::string& rule : cli.rules) {
    request.rules.push_back(parse_weight_rule(rule));
  }
  request.keep_float = run.policy.keep_float;
  request.threads = run.common.threads;
  request.progress = progress_bar("quantize", run.common);
  request.stop = &stop_requested;
  return request;
}

std::string verdict_of(const WeightOnlyRun& run, const std::filesystem::path& output,
                       const WeightOnlyResult& result) {
  const std::string model = printable(run.model.string());
  if (result.weights.empty()) {
    return fmt::format("FAIL quantize {}  no weight of a product can become codes, nothing written",
                       model);
  }
  return fmt::format(
      "PASS quantize {}  wrote {}, {:.2f} x smaller, {:.3f} bits per weight", model,
      printable(output.string()),
      static_cast<double>(result.original_size_bytes) / static_cast<double>(result.size_bytes),
      result.bits_per_weight);
}

}  // namespace

void add_weight_only_options(CLI::App& verb, WeightOnlyCli& options) {
  verb.add_flag("--weight-only", options.weight_only,
                "only weights become codes (int4 by default), activations stay in float; needs no "
                "samples")
      ->group(kGroup);
  verb.add_option("--group", options.group,
                  "means --weight-only: weights along the summed axis that share a scale: 16, 32, "
                  "64, 128, 256 or per-channel [32]")
      ->group(kGroup);
  CLI::Option* symmetric =
      verb.add_flag("--symmetric", options.symmetric, "no zero points [for 8 bits]")->group(kGroup);
  verb.add_flag("--asymmetric", options.asymmetric, "a zero point a group [for 4 bits]")
      ->excludes(symmetric)
      ->group(kGroup);
  verb.add_option("--weight-format", options.weight_format,
                  "qdq: DequantizeLinear of opset 21; matmulnbits: operators of ONNX Runtime, for "
                  "any opset [qdq]")
      ->check(CLI::IsMember({"qdq", "matmulnbits"}))
      ->group(kGroup);
  verb.add_option("--scales", options.scales,
                  "how scales of a float32 model are stored: float32, float16 [float32]")
      ->check(CLI::IsMember({"float32", "float16"}))
      ->group(kGroup);
  verb.add_flag("--same-bits", options.same_bits,
                "4 bits for lookups and the last layers, too, which have 8 otherwise")
      ->group(kGroup);
  verb.add_flag("--whole-range", options.no_search,
                "codes over the whole range of each group instead of those of least error")
      ->group(kGroup);
  verb.add_option("--weight-rule", options.rules,
                  "PATTERN=int4|uint4|int8|uint8|float for nodes by name or output; the last that "
                  "matches decides")
      ->group(kGroup);
}

bool asks_for_weights_alone(const WeightOnlyCli& options) {
  return options.weight_only || !options.group.empty();
}

int quantize_weights_alone(const WeightOnlyRun& run) {
  const WeightOnlyRequest request = make_weight_request(run);
  const std::filesystem::path output =
      !run.output.empty()
          ? run.output
          : with_suffix(run.model, bit_width(request.dtype) == 4 ? ".int4.onnx" : ".int8.onnx");
  const std::vector<std::filesystem::path> inputs = {run.model};
  check_output_path(output, inputs, run.force);
  const WeightOnlyResult result = quantize_weights(run.model, output, request);
  ReportHeader header = make_header("quantize_weights", {run.model}, result.proof.asked);
  const bool passed = !result.weights.empty();
  header.passed = passed;
  const std::filesystem::path written = passed ? output : std::filesystem::path();
  return deliver(run.common, {.text = weight_only_text(result, run.model, written),
                              .json = weight_only_json(header, result, written),
                              .verdict = verdict_of(run, output, result),
                              .passed = passed});
}

}  // namespace ptq::cli
