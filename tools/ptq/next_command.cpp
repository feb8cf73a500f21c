#include "next_command.h"

#include <fmt/format.h>

#include "core/run_command.h"
#include "ptq/error.h"

namespace ptq::cli {
namespace {

// For a terminal: names and paths may hold control characters.
std::string shown_word(const std::string& word) {
  return shell_word(printable(word, 4096));
}

std::string data_arguments(const DataOptionsCli& data) {
  std::string out;
  for (const std::string& each : data.data) {
    out += " --data " + shown_word(each);
  }
  const DataOptions& options = data.options;
  out += options.image_spec.empty() ? "" : " --image-spec " + shown_word(options.image_spec);
  out += options.max_samples == 0 ? "" : fmt::format(" --samples {}", options.max_samples);
  out += options.drop_last ? " --drop-last" : "";
  out += options.skip_bad ? " --skip-bad" : "";
  out += options.pad_id ? fmt::format(" --pad-id {}", *options.pad_id) : "";
  out += options.pad_to == 0 ? "" : fmt::format(" --pad-to {}", options.pad_to);
  return out + (options.truncate == 0 ? "" : fmt::format(" --truncate {}", options.truncate));
}

std::string policy_arguments(const PolicyCli& policy) {
  const PolicyCli usual;
  std::string out;
  out += policy.target == usual.target ? "" : " --target " + policy.target;
  out += policy.estimator == usual.estimator ? "" : " --estimator " + policy.estimator;
  out += policy.percentile == usual.percentile ? ""
                                               : fmt::format(" --percentile {}", policy.percentile);
  out += policy.preset == usual.preset ? "" : " --ratio-preset " + policy.preset;
  out += policy.low_ratio < 0.0 ? "" : fmt::format(" --low-ratio {}", policy.low_ratio);
  out += policy.high_ratio < 0.0 ? "" : fmt::format(" --high-ratio {}", policy.high_ratio);
  for (const std::string& node : policy.keep_float) {
    out += " --keep-float " + shown_word(node);
  }
  return out;
}

std::string quantize(const Verdict& verdict, const CommandContext& context) {
  std::string out = "ptq quantize " + shown_word(context.model.string());
  if (!context.stats.path.empty()) {
    out += " --stats " + shown_word(context.stats.path.string());
    out += context.stats.allow_stale ? " --allow-stale" : "";
  }
  out += data_arguments(context.data) + policy_arguments(context.policy);
  for (const std::string& layer : verdict.float_layers) {
    out += " --keep-float " + shown_word(layer);
  }
  return out + " -o " + shown_word(with_suffix(context.model, ".int8.onnx").string());
}

// A program for python3 that gets the model and the output as its arguments.
std::string python(const std::string& program, const CommandContext& context,
                   const std::string& suffix) {
  return "python3 -c " + shown_word(program) + " " + shown_word(context.model.string()) + " " +
         shown_word(with_suffix(context.model, suffix).string());
}

std::string int4(const CommandContext& context, std::string_view group,
                 const std::vector<std::string>& excluded) {
  std::string out =
      fmt::format("ptq quantize {} --group {}", shown_word(context.model.string()), group);
  for (const std::string& layer : excluded) {
    out += " --keep-float " + shown_word(layer);
  }
  return out + " -o " + shown_word(with_suffix(context.model, ".int4.onnx").string());
}

}  // namespace

std::string next_command(const Verdict& verdict, int bits, const CommandContext& context) {
  switch (verdict.answer) {
    case Answer::kInt8PerChannel:
      return quantize(verdict, context);
    case Answer::kMixedPrecision:
      return bits == 8 ? quantize(verdict, context) : int4(context, "32", verdict.float_layers);
    case Answer::kInt4PerChannel:
      return int4(context, "per-channel", {});
    case Answer::kInt4GroupWise:
      return int4(context, "32", {});
    case Answer::kDynamicOrWeightOnly:
      return python(
          "import sys; from onnxruntime.quantization import quantize_dynamic; "
          "quantize_dynamic(*sys.argv[1:])",
          context, ".dynamic.onnx");
    case Answer::kTrainWithQuantization:
      break;
  }
  // The prediction deserves a measurement before anybody trains.
  const std::string output = shown_word(with_suffix(context.model, ".int8.onnx").string());
  return quantize(verdict, context) + " && ptq validate " + shown_word(context.model.string()) +
         " " + output +
         (context.data.data.empty() ? " --data SAMPLES" : data_arguments(context.data)) +
         " --min-sqnr 13";
}

}  // namespace ptq::cli
