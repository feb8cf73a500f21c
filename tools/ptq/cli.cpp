#include "cli.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <mutex>

#include <fmt/format.h>
#include <unistd.h>

#include "core/atomic_file.h"
#include "core/log.h"
#include "core/memory.h"
#include "data/image_spec.h"
#include "data/named_paths.h"
#include "ptq/error.h"
#include "report/text_report.h"
#include "runtime/library.h"
#include "runtime/processor.h"

namespace ptq::cli {
namespace {

using Clock = std::chrono::steady_clock;

void handle_signal(int signal) {
  if (stop_requested) {
    _exit(128 + signal);  // the second one does not wait
  }
  stop_signal = signal;
  stop_requested = true;
}

std::string clock_text(double seconds) {
  const auto total = std::llround(seconds);
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

struct Bar {
  std::mutex mutex;
  Clock::time_point start = Clock::now();
  Clock::time_point drawn{};
  size_t decile = 0;
};

// "42/128  3.1/s  0:27 left  182 MiB"
std::string progress_text(size_t done, size_t total, double elapsed_s) {
  const double rate = elapsed_s > 0.0 ? static_cast<double>(done) / elapsed_s : 0.0;
  const double left = rate > 0.0 ? static_cast<double>(total - done) / rate : 0.0;
  return fmt::format("{}/{}  {:.1f}/s  {} left  {} MiB", done, total, rate, clock_text(left),
                     resident_bytes() >> 20);
}

void draw_bar(const std::string& label, size_t done, size_t total, double elapsed_s) {
  constexpr size_t kWidth = 30;
  const size_t filled = total == 0 ? kWidth : done * kWidth / total;
  std::fputs(fmt::format("\r{} [{}{}] {}\x1b[K", label, std::string(filled, '#'),
                         std::string(kWidth - filled, '.'), progress_text(done, total, elapsed_s))
                 .c_str(),
             stderr);
}

}  // namespace

std::atomic<bool> stop_requested{false};
std::atomic<int> stop_signal{0};

void install_signal_handlers() {
  std::signal(SIGINT, handle_signal);
  std::signal(SIGTERM, handle_signal);
  // A closed pipe or a full disk is an error of write(), which is reported, not a silent death.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void add_common_options(CLI::App& verb, Common& common) {
  verb.add_option("--format", common.format, "what goes to stdout: text or json [text]")
      ->check(CLI::IsMember({"text", "json"}))
      ->group("Output");
  verb.add_option("--json-out", common.json_out, "write the JSON document to this file too")
      ->group("Output");
  verb.add_flag("-v,--verbose", common.verbose, "say what is being done")->group("Output");
  verb.add_flag("-q,--quiet", common.quiet, "errors and the verdict only")->group("Output");
  verb.add_option("--threads", common.threads, "threads, 0 = all processors [0]")
      ->check(CLI::Range(0, 1024))
      ->group("Output");
}

int deliver(const Common& common, const Outcome& outcome) {
  if (!common.json_out.empty()) {
    AtomicFile file(common.json_out);
    file.write(outcome.json);
    file.commit();
  }
  write_artefacts(common.artefacts, outcome.json);
  std::string out;
  if (common.format == "json") {
    out = outcome.json;
  } else {
    out = (common.quiet ? std::string() : outcome.text) + outcome.verdict + "\n";
  }
  if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size() || std::fflush(stdout) != 0) {
    if (errno == EPIPE) {
      return outcome.passed ? 0 : 1;  // the reader had enough
    }
    throw Error(ErrorCode::kEnvironment, "cannot write to standard output");
  }
  return outcome.passed ? 0 : 1;
}

ReportHeader make_header(std::string verb, std::vector<std::filesystem::path> inputs,
                         bool used_runtime) {
  ReportHeader header{.verb = std::move(verb), .version = PTQ_VERSION, .inputs = std::move(inputs)};
  if (used_runtime) {
    header.runtime_version = runtime_version();
    header.cpu_features = cpu_features();
  }
  return header;
}

void report_warnings(ReportHeader& header, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    log_warn(printable(warning, 500));
    header.warnings.push_back(warning);
  }
}

Progress progress_bar(const std::string& label, const Common& common) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  if (common.quiet) {
    return {};
  }
  auto bar = std::make_shared<Bar>();
  return [bar, label, terminal](size_t done, size_t total) {
    const std::lock_guard lock(bar->mutex);
    const Clock::time_point now = Clock::now();
    const double elapsed_s = std::chrono::duration<double>(now - bar->start).count();
    if (!terminal) {
      const size_t decile = total == 0 ? 10 : done * 10 / total;
      if (decile > bar->decile) {
        bar->decile = decile;
        std::fputs(
            fmt::format("ptq: {} {}\n", label, progress_text(done, total, elapsed_s)).c_str(),
            stderr);
      }
      return;
    }
    if (done < total && now - bar->drawn < std::chrono::milliseconds(100)) {
      return;
    }
    bar->drawn = now;
    draw_bar(label, done, total, elapsed_s);
    if (done >= total) {
      std::fputs("\r\x1b[K", stderr);
    }
    std::fflush(stderr);
  };
}

void add_data_option(CLI::App& verb, DataOptionsCli& data, bool required, const std::string& name) {
  CLI::Option* option =
      verb.add_option(name, data.data,
                      "samples: a file (.npz, .npy, .safetensors, .jsonl), a folder, a 'PATTERN', "
                      "@LIST, INPUT=FILE or INPUT=FILE,TYPE,SHAPE; may be given several times")
          ->allow_extra_args(false)
          ->group("Samples");
  const auto count = CLI::Range(int64_t{0}, int64_t{1} << 40);
  verb.add_option("--samples", data.options.max_samples, "use the first N samples, 0 = all [0]")
      ->check(count)
      ->group("Samples");
  verb.add_flag("--drop-last", data.options.drop_last,
                "leave out rows that do not fill the batch that the model fixes")
      ->group("Samples");
  verb.add_option("--pad-id", data.options.pad_id, "token ids: fill up with this id, others with 0")
      ->group("Samples");
  verb.add_option("--pad-to", data.options.pad_to, "token ids: fill up to so many, 0 = not [0]")
      ->check(count)
      ->group("Samples");
  verb.add_option("--truncate", data.options.truncate,
                  "token ids: keep the first so many, 0 = all [0]")
      ->check(count)
      ->group("Samples");
  verb.add_option("--image-spec", data.options.image_spec,
                  "how images become the model's input: " + image_preset_names() +
                      " or a TOML file (docs/images.md)")
      ->group("Samples");
  verb.add_flag("--skip-bad", data.options.skip_bad,
                "leave out image files that cannot be read, with a warning that counts them")
      ->group("Samples");
  if (required) {
    option->required();
  }
}

std::vector<std::filesystem::path> protected_paths(std::vector<std::filesystem::path> paths,
                                                   const DataOptionsCli& data) {
  std::ranges::move(named_paths(data.data), std::back_inserter(paths));
  return paths;
}

std::vector<std::filesystem::path> reported_paths(const std::filesystem::path& model,
                                                  const DataOptionsCli& data) {
  std::vector<std::filesystem::path> paths = {model};
  std::ranges::move(argument_paths(data.data), std::back_inserter(paths));
  return paths;
}

void add_policy_options(CLI::App& verb, PolicyCli& policy) {
  std::vector<std::string> estimators = {"auto"};
  for (const RangeEstimator& estimator : range_estimators()) {
    estimators.emplace_back(estimator.name);
  }
  verb.add_option("--estimator", policy.estimator,
                  "range estimator: auto lets the outlier ratio choose, or one for all [auto]")
      ->check(CLI::IsMember(estimators))
      ->group("Ranges");
  verb.add_option("--percentile", policy.percentile, "of |x|, in percent, for percentile [99.999]")
      ->check(CLI::Range(50.0, 100.0))
      ->group("Ranges");
  verb.add_option("--ratio-preset", policy.preset,
                  "thresholds of the outlier ratio: default 3 and 10, strict 2 and 10 [default]")
      ->check(CLI::IsMember({"default", "strict"}))
      ->group("Ranges");
  verb.add_option("--low-ratio", policy.low_ratio, "below it absmax is taken [of the preset]")
      ->check(CLI::Range(1.0, 1e9))
      ->group("Ranges");
  verb.add_option("--high-ratio", policy.high_ratio, "above it mse is taken [of the preset]")
      ->check(CLI::Range(1.0, 1e9))
      ->group("Ranges");
  verb.add_option("--keep-float", policy.keep_float,
                  "leave these nodes in float, by name or first output")
      ->group("Plan");
  add_target_option(verb, policy);
}

void add_granularity_option(CLI::App& verb, PolicyCli& policy) {
  verb.add_option("--weight-granularity", policy.granularity,
                  "scales of a weight: one a channel, where the target has them, or one a tensor "
                  "[channel]")
      ->check(CLI::IsMember({"channel", "tensor"}))
      ->group("Plan");
}

void add_method_options(CLI::App& verb, PolicyCli& policy) {
  std::vector<std::string> names;
  std::string list;
  for (const MethodInfo& info : methods()) {
    names.emplace_back(info.name);
    list += fmt::format("{}{}", list.empty() ? "" : ", ", info.name);
  }
  verb.add_option("--effort", policy.effort,
                  "which methods are used: fast adds next to nothing to a calibration, default "
                  "takes up to 3 times as long, max up to 10 times; ptq list methods [default]")
      ->check(CLI::IsMember({"fast", "default", "max"}))
      ->group("Methods");
  verb.add_option("--with", policy.with_methods, fmt::format("these methods, too: {}", list))
      ->check(CLI::IsMember(names))
      ->delimiter(',')
      ->group("Methods");
  verb.add_option("--without", policy.without_methods, "not these methods")
      ->check(CLI::IsMember(names))
      ->delimiter(',')
      ->group("Methods");
}

void add_target_option(CLI::App& verb, PolicyCli& policy) {
  std::vector<std::string> names;
  for (const Target& target : targets()) {
    names.emplace_back(target.name);
  }
  verb.add_option("--target", policy.target, "where the model will run [ort-x86]")
      ->check(CLI::IsMember(names))
      ->group("Plan");
}

QuantizeRequest make_request(const PolicyCli& policy, const Common& common) {
  QuantizeRequest request;
  request.target = &find_target(policy.target);
  if (policy.assume_vnni) {
    if (policy.weights != "auto" && policy.weights != "int8") {
      throw Error(ErrorCode::kUsage, fmt::format("--assume-vnni means --weights int8, found "
                                                 "--weights {} beside it; leave one out",
                                                 policy.weights));
    }
    request.weight_form = WeightForm::kInt8;
  } else if (policy.weights != "auto") {
    request.weight_form = parse_weight_form(policy.weights);
  }
  request.granularity = parse_weight_granularity(policy.granularity);
  request.policy = policy_preset(policy.preset);
  request.policy.percentile = policy.percentile;
  if (policy.estimator != "auto") {
    request.policy.forced = policy.estimator;
  }
  if (policy.low_ratio >= 0.0) {
    request.policy.low_ratio = policy.low_ratio;
  }
  if (policy.high_ratio >= 0.0) {
    request.policy.high_ratio = policy.high_ratio;
  }
  if (request.policy.low_ratio > request.policy.high_ratio) {
    throw Error(ErrorCode::kUsage,
                fmt::format("--low-ratio {} is above --high-ratio {}", request.policy.low_ratio,
                            request.policy.high_ratio));
  }
  request.keep_float = policy.keep_float;
  request.methods =
      choose_methods(parse_effort(policy.effort), policy.with_methods, policy.without_methods);
  request.threads = common.threads;
  return request;
}

Outcome nothing_to_quantize(const ReportHeader& header, const LoadedModel& model,
                            const std::filesystem::path& path,
                            const std::vector<Decision>& decisions) {
  return {
      .text = coverage_text(decisions),
      .json = coverage_json(header, model, decisions),
      .verdict = fmt::format("FAIL {} {}  none of {} nodes can run in integers, nothing written",
                             header.verb, printable(path.string()), decisions.size()),
      .passed = false};
}

std::filesystem::path with_suffix(const std::filesystem::path& model, std::string_view suffix) {
  std::filesystem::path out = model;
  out.replace_extension();
  out += suffix;
  return out;
}

}  // namespace ptq::cli
