#include "validate/evaluate.h"

#include <charconv>

#include <fmt/format.h>

#include "core/run_command.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr std::string_view kPlace = "{model}";
constexpr std::string_view kBlanks = " \t\r\n";

std::string with_model(std::string command, const std::filesystem::path& model) {
  const std::string word = shell_word(model.string());
  for (size_t at = command.find(kPlace); at != std::string::npos;
       at = command.find(kPlace, at + word.size())) {
    command.replace(at, kPlace.size(), word);
  }
  return command;
}

}  // namespace

double last_number(const std::string& output, const std::string& command) {
  const size_t end = output.find_last_not_of(kBlanks);
  const size_t before = end == std::string::npos ? end : output.find_last_of('\n', end);
  std::string_view line = end == std::string::npos ? std::string_view() : std::string_view(output);
  if (end != std::string::npos) {
    line = line.substr(before == std::string::npos ? 0 : before + 1,
                       end - (before == std::string::npos ? 0 : before + 1) + 1);
  }
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  double value = 0.0;
  const auto [rest, code] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (line.empty() || code != std::errc() || rest != line.data() + line.size()) {
    throw Error(ErrorCode::kInput,
                fmt::format("--evaluate: expected a number alone on the last line of what '{}' "
                            "prints, found '{}'",
                            printable(command), printable(line, 80)));
  }
  return value;
}

MetricResult evaluate_models(const EvaluateOptions& options, const std::filesystem::path& fp32,
                             const std::filesystem::path& quantized,
                             const std::atomic<bool>* stop) {
  if (options.command.find(kPlace) == std::string::npos) {
    throw Error(ErrorCode::kUsage,
                "--evaluate: expected {model} in the command, in place of the model's path");
  }
  const auto run = [&](const std::filesystem::path& model) {
    const std::string command = with_model(options.command, model);
    return last_number(run_command(command, options.timeout_seconds, stop), command);
  };
  MetricResult result{
      .name = "evaluate", .title = "--evaluate", .higher_is_better = !options.lower_is_better};
  result.fp32 = run(fp32);
  result.quantized = run(quantized);
  result.drop = (result.fp32 - result.quantized) * (result.higher_is_better ? 1.0 : -1.0);
  return result;
}

}  // namespace ptq
