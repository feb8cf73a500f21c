// robustness_probe MODEL FOLDER: everything the robustness test asks of one model, in a process of
// its own since the runtime itself dies of some. Prints one "key value" line a finding:
//
//   original   runs | loads | refused | crashes        what the runtime says of the file
//   inspect, quantize   CODE MESSAGE                   exit code and last line of the program
//   prepared   max|a − b| / max|a|                     FP32 outputs of the prepared model;
//   prepared16 the same where it was a float16 model
//   written    runs | refused | MESSAGE                what the runtime says of the quantized file
//   sqnr       DB                                      worst float output, over all samples

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "onnx_io/read.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"
#include "robustness/run_limited.h"
#include "robustness/sample_files.h"
#include "runtime/model_session.h"
#include "runtime/session.h"

namespace ptq::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kLimitS = 60;
constexpr int kLoadsOnly = 100;
constexpr int kRefused = 101;
constexpr uint32_t kSamples = 4;

void say(std::string_view key, const std::string& value) {
  std::fputs(fmt::format("{} {}\n", key, value).c_str(), stdout);
  std::fflush(stdout);
}

std::vector<Feeds> all_feeds(const std::vector<ValueInfo>& inputs, const Guess& guess) {
  std::vector<Feeds> feeds;
  for (uint32_t seed = 1; seed <= kSamples; ++seed) {
    feeds.push_back(make_feeds(inputs, guess, seed));
  }
  return feeds;
}

using Outputs = std::vector<std::vector<Tensor>>;  // a row a sample

Outputs run_all(const Session& session, const std::vector<Feeds>& feeds) {
  Outputs outputs;
  for (const Feeds& feed : feeds) {
    outputs.push_back(session.run(feed));
  }
  return outputs;
}

// With and without the optimizations: the runtime accepts a few broken models only because a fusion
// hides what is wrong, and of those nothing can be asked.
void run_both(const fs::path& model, const Session& session, const Guess& guess) {
  const std::vector<Feeds> feeds = all_feeds(session.inputs(), guess);
  run_all(session, feeds);
  SessionOptions plain;
  plain.level = OptLevel::kNone;
  run_all(Session::from_path(model, plain), feeds);
}

// In a child: the first guess whose samples the original accepts, or why there is none.
int try_original(const fs::path& model) {
  const pid_t child = fork();
  if (child == 0) {
    int code = kRefused;
    try {
      const Session session = Session::from_path(model, {});
      code = kLoadsOnly;
      for (size_t i = 0; i < guesses().size(); ++i) {
        try {
          run_both(model, session, guesses()[i]);
          code = static_cast<int>(i);
          break;
        } catch (const std::exception&) {
          continue;
        }
      }
    } catch (const std::exception&) {
      // `code` says how far it came.
    }
    _exit(code);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Errors of one output of one sample.
struct Difference {
  double signal = 0.0;
  double noise = 0.0;
  double largest = 0.0;
  double worst = 0.0;
  bool comparable = true;  // same type, shape and places of what is not finite
};

void compare(const Tensor& a, const Tensor& b, Difference& out) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) {
    out.comparable = false;
    return;
  }
  if (bit_width(a.dtype()) == 0 || a.dtype() == DType::kComplex64 ||
      a.dtype() == DType::kComplex128) {
    return;
  }
  const std::vector<float> left = to_floats(a);
  const std::vector<float> right = to_floats(b);
  for (size_t i = 0; i < left.size(); ++i) {
    if (!std::isfinite(left[i]) || !std::isfinite(right[i])) {
      const bool same = left[i] == right[i] || (std::isnan(left[i]) && std::isnan(right[i]));
      out.comparable = out.comparable && same;
      continue;
    }
    const double error = static_cast<double>(left[i]) - static_cast<double>(right[i]);
    out.signal += static_cast<double>(left[i]) * static_cast<double>(left[i]);
    out.noise += error * error;
    out.largest = std::max(out.largest, std::abs(static_cast<double>(left[i])));
    out.worst = std::max(out.worst, std::abs(error));
  }
}

bool is_float(DType dtype) {
  return dtype == DType::kFloat || dtype == DType::kFloat16 || dtype == DType::kDouble;
}

double relative_difference(const Outputs& a, const Outputs& b) {
  double worst = 0.0;
  for (size_t sample = 0; sample < a.size(); ++sample) {
    for (size_t k = 0; k < a[sample].size(); ++k) {
      Difference difference;
      compare(a[sample][k], b[sample].at(k), difference);
      if (!difference.comparable) {
        return std::numeric_limits<double>::infinity();
      }
      worst =
          std::max(worst, difference.worst == 0.0 ? 0.0 : difference.worst / difference.largest);
    }
  }
  return worst;
}

double worst_sqnr_db(const Outputs& a, const Outputs& b) {
  double worst = std::numeric_limits<double>::infinity();
  for (size_t k = 0; k < a.at(0).size(); ++k) {
    if (!is_float(a[0][k].dtype())) {
      continue;
    }
    Difference difference;
    for (size_t sample = 0; sample < a.size(); ++sample) {
      compare(a[sample][k], b[sample].at(k), difference);
    }
    if (!difference.comparable) {
      return -std::numeric_limits<double>::infinity();
    }
    if (difference.noise > 0.0) {
      worst = std::min(worst, 10.0 * std::log10(difference.signal / difference.noise));
    }
  }
  return worst;
}

std::string last_line(std::string text) {
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  return text.substr(text.rfind('\n') + 1);
}

void run_program(const std::string& verb, std::vector<std::string> words, const fs::path& folder) {
  words.insert(words.begin(), {PTQ_CLI, verb});
  const LimitedRun run = run_limited(words, folder / (verb + ".log"), kLimitS);
  say(verb, fmt::format("{} {}", run.exit_code, last_line(run.out)));
}

// Feeds that differ from `feeds` by a thousandth of each value (60 dB).
std::vector<Feeds> disturbed(std::vector<Feeds> feeds) {
  float sign = 1.0F;
  for (Feeds& sample : feeds) {
    for (auto& [name, tensor] : sample) {
      if (tensor.dtype() != DType::kFloat) {
        continue;
      }
      for (float& value : tensor.mutable_data<float>()) {
        value *= 1.0F + sign * 1e-3F;
        sign = -sign;
      }
    }
  }
  return feeds;
}

// The outputs answer a small error with a small error; those of x / (x - mean) do not, and then an
// SQNR says nothing.
bool is_well_conditioned(const Session& session, const std::vector<Feeds>& feeds,
                         const Outputs& outputs) {
  try {
    return worst_sqnr_db(outputs, run_all(session, disturbed(feeds))) > 40.0;
  } catch (const Error&) {
    return false;
  }
}

// What the runtime makes of the prepared and of the quantized model beside the original. A model
// that is not a function of its inputs (random numbers) is compared with nothing.
void compare_outputs(const fs::path& model, const fs::path& quantized, const Guess& guess) {
  const Session original = Session::from_path(model, {});
  const std::vector<Feeds> feeds = all_feeds(original.inputs(), guess);
  const Outputs expected = run_all(original, feeds);
  const bool is_function = relative_difference(expected, run_all(original, feeds)) == 0.0;
  try {
    const LoadedModel loaded = load_model(model);
    const Outputs prepared = run_all(open_session(loaded.model, {}), feeds);
    const bool is_widened = std::ranges::any_of(
        loaded.passes, [](const std::string& pass) { return pass.starts_with("widen_float16"); });
    if (is_function) {
      say(is_widened ? "prepared16" : "prepared",
          fmt::format("{:.3g}", relative_difference(expected, prepared)));
    }
  } catch (const Error& error) {
    if (fs::exists(quantized)) {
      say("prepared", fmt::format("inf {}", error.what()));
    }
  }
  if (!fs::exists(quantized)) {
    return;
  }
  try {
    const Outputs outputs = run_all(Session::from_path(quantized, {}), feeds);
    say("written", "runs");
    if (is_function && is_well_conditioned(original, feeds, expected)) {
      say("sqnr", fmt::format("{:.1f}", worst_sqnr_db(expected, outputs)));
    }
  } catch (const Error& error) {
    say("written", fmt::format("refused {}", error.what()));
  }
}

// Inputs as the file declares them, for a model that the runtime cannot tell about.
std::vector<ValueInfo> declared_inputs(const fs::path& model) {
  try {
    return read_model(model).graph.inputs;
  } catch (const Error&) {
    return {};
  }
}

void write_made_up_samples(const fs::path& folder, const std::vector<ValueInfo>& inputs,
                           const Guess& guess) {
  try {
    write_samples(folder, all_feeds(inputs, guess));
  } catch (const Error&) {
    fs::create_directories(folder);  // inputs of other types: the program says so
  }
}

void probe(const fs::path& model, const fs::path& folder) {
  fs::create_directories(folder);
  const fs::path samples = folder / "samples";
  const fs::path quantized = folder / "quantized.onnx";
  run_program("inspect", {model}, folder);
  const int original = try_original(model);
  const bool runs = original < static_cast<int>(guesses().size());
  say("original", runs                     ? "runs"
                  : original == kLoadsOnly ? "loads"
                  : original == kRefused   ? "refused"
                                           : "crashes");
  const Guess guess = runs ? guesses()[static_cast<size_t>(original)] : Guess{};
  if (runs || original == kLoadsOnly) {
    write_made_up_samples(samples, Session::from_path(model, {}).inputs(), guess);
  } else {
    write_made_up_samples(samples, declared_inputs(model), guess);
  }
  run_program("quantize", {model, "--data", samples, "-o", quantized, "--threads", "1"}, folder);
  if (runs) {
    compare_outputs(model, quantized, guess);
  } else if (fs::exists(quantized)) {
    try {
      Session::from_path(quantized, {});
      say("written", "loads");
    } catch (const Error& error) {
      say("written", fmt::format("refused {}", error.what()));
    }
  }
}

}  // namespace
}  // namespace ptq::testing

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: robustness_probe MODEL FOLDER\n", stderr);
    return 2;
  }
  try {
    ptq::testing::probe(argv[1], argv[2]);
  } catch (const std::exception& error) {
    ptq::testing::say("probe", error.what());
    return 1;
  }
  return 0;
}
