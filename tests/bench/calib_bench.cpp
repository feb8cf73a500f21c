// What calibration costs over bare FP32 inference of the same samples in the same process settings.
//
//   ptq_bench MODEL DATA [--threads N] [--pairs N] [--samples N]
//
// Each measurement is a process of its own (this program again), which loads the model and the
// samples, then times the work alone. Runs alternate, bare and calibrating, so that a change of the
// machine meets both; the median of the ratios counts. Two forms of bare inference: samples in
// parallel with one thread each, as calibration runs them, and one sample at a time with N threads
// inside operators. The calibrating process prepares the model and observes what a plan needs, as
// `ptq calibrate` does; its time includes both.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calib/calibrate.h"
#include "core/parallel.h"
#include "data/sample_source.h"
#include "onnx_io/infer_shapes.h"
#include "onnx_io/read.h"
#include "plan/structure.h"
#include "ptq/error.h"
#include "runtime/model_session.h"
#include "transform/prepare.h"

namespace ptq {
namespace {

struct Arguments {
  std::string model;
  std::string data;
  std::string child;  // bare, bare-intra, calibrate: be one measurement
  int threads = 2;
  int pairs = 9;
  size_t samples = 128;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  std::vector<std::string> plain;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (!argument.starts_with("--")) {
      plain.push_back(argument);
      continue;
    }
    if (i + 1 == argc) {
      throw Error(ErrorCode::kUsage, argument + ": expected a value");
    }
    const std::string value = argv[++i];
    if (argument == "--threads") {
      arguments.threads = std::stoi(value);
    } else if (argument == "--pairs") {
      arguments.pairs = std::stoi(value);
    } else if (argument == "--samples") {
      arguments.samples = std::stoul(value);
    } else if (argument == "--child") {
      arguments.child = value;
    } else {
      throw Error(ErrorCode::kUsage, argument + ": unknown option");
    }
  }
  if (plain.size() != 2) {
    throw Error(ErrorCode::kUsage, "expected MODEL and DATA");
  }
  arguments.model = plain[0];
  arguments.data = plain[1];
  return arguments;
}

// Gives the samples of a folder, again from the start until `count` were given. Samples are held in
// memory, so that reading files is in no measurement and memory is that of the work.
class RepeatedSource : public SampleSource {
 public:
  RepeatedSource(std::vector<Sample> samples, size_t count)
      : samples_(std::move(samples)), count_(count) {}
  std::optional<Sample> next() override {
    if (given_ == count_) {
      return std::nullopt;
    }
    return samples_[given_++ % samples_.size()];
  }
  size_t size() const override { return count_; }
  std::vector<std::string> warnings() const override { return {}; }

 private:
  std::vector<Sample> samples_;
  size_t count_ = 0;
  size_t given_ = 0;
};

RepeatedSource load_samples(const Model& model, const Arguments& arguments) {
  constexpr int64_t kHeld = 16;
  const auto source = open_data({arguments.data}, input_specs(model.graph), {.max_samples = kHeld});
  std::vector<Sample> samples;
  while (std::optional<Sample> sample = source->next()) {
    samples.push_back(std::move(*sample));
  }
  return {std::move(samples), arguments.samples};
}

void infer_all(const Session& session, SampleSource& source, int threads) {
  std::mutex mutex;
  parallel_for(static_cast<size_t>(threads), threads, [&](size_t /*index*/, int /*worker*/) {
    for (;;) {
      std::optional<Sample> sample;
      {
        const std::lock_guard lock(mutex);
        sample = source.next();
      }
      if (!sample) {
        return;
      }
      session.run(sample->inputs);
    }
  });
}

double cpu_seconds(const rusage& usage) {
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// One measurement; prints "seconds cpu_seconds peak_kib".
int measure(const Arguments& arguments) {
  Model model = read_model(arguments.model);
  infer_shapes(model);  // as the product does when it loads a model
  RepeatedSource source = load_samples(model, arguments);
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  const auto start = std::chrono::steady_clock::now();
  if (arguments.child == "calibrate") {
    prepare(model);
    infer_shapes(model);
    CalibrateOptions options;
    options.threads = arguments.threads;
    const Calibration result =
        calibrate(model, values_to_observe(analyze_structure(model.graph, {}, targets().front())),
                  source, options);
    if (!result.fallback_reason.empty()) {
      fmt::print(stderr, "fallback: {}\n", result.fallback_reason);
    }
  } else {
    SessionOptions options;
    options.intra_threads = arguments.child == "bare-intra" ? arguments.threads : 1;
    const Session session = Session::from_path(arguments.model, options);
    infer_all(session, source, arguments.child == "bare-intra" ? 1 : arguments.threads);
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("{} {} {}\n", elapsed.count(), cpu_seconds(usage) - cpu_seconds(before),
             usage.ru_maxrss);
  return 0;
}

struct Measurement {
  double seconds = 0.0;
  double cpu = 0.0;  // seconds of processor time, all threads
  double peak_mib = 0.0;
};

Measurement run_child(const Arguments& arguments, const std::string& mode, size_t samples) {
  const std::string command =
      fmt::format("'{}' '{}' '{}' --child {} --threads {} --samples {}",
                  std::filesystem::read_symlink("/proc/self/exe").string(), arguments.model,
                  arguments.data, mode, arguments.threads, samples);
  FILE* const pipe = popen(command.c_str(), "r");
  Measurement measurement;
  double peak_kib = 0.0;
  const int fields = pipe == nullptr ? 0
                                     : std::fscanf(pipe, "%lf %lf %lf", &measurement.seconds,
                                                   &measurement.cpu, &peak_kib);
  if (pipe == nullptr || fields != 3 || pclose(pipe) != 0) {
    throw Error(ErrorCode::kRuntime, "a measurement failed: " + command);
  }
  measurement.peak_mib = peak_kib / 1024.0;
  return measurement;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print_ratio(const std::string& name, std::vector<double> ratios) {
  std::sort(ratios.begin(), ratios.end());
  fmt::print("{:<44} {:.2f}  (quartiles {:.2f} - {:.2f}, extremes {:.2f} - {:.2f})\n", name,
             median(ratios), ratios[ratios.size() / 4], ratios[ratios.size() * 3 / 4],
             ratios.front(), ratios.back());
}

int compare(const Arguments& arguments) {
  std::map<std::string, std::vector<double>> seconds;
  std::vector<double> over_parallel;
  std::vector<double> over_intra;
  std::vector<double> cpu_over_parallel;
  for (int pair = 0; pair < arguments.pairs; ++pair) {
    const Measurement bare = run_child(arguments, "bare", arguments.samples);
    const Measurement calibrate = run_child(arguments, "calibrate", arguments.samples);
    const Measurement intra = run_child(arguments, "bare-intra", arguments.samples);
    seconds["bare, samples in parallel"].push_back(bare.seconds);
    seconds["calibrate"].push_back(calibrate.seconds);
    seconds["bare, threads inside operators"].push_back(intra.seconds);
    over_parallel.push_back(calibrate.seconds / bare.seconds);
    over_intra.push_back(calibrate.seconds / intra.seconds);
    cpu_over_parallel.push_back(calibrate.cpu / bare.cpu);
  }
  fmt::print("{}: {} samples, {} threads, {} alternating runs, loading included\n", arguments.model,
             arguments.samples, arguments.threads, arguments.pairs);
  for (const auto& [what, times] : seconds) {
    fmt::print("{:<44} {:.3f} s\n", "median " + what, median(times));
  }
  print_ratio("calibrate / bare, samples in parallel", over_parallel);
  print_ratio("calibrate / bare, threads inside operators", over_intra);
  print_ratio("same in processor time, samples in parallel", cpu_over_parallel);
  for (const char* mode : {"bare", "calibrate"}) {
    for (const size_t samples : {size_t{16}, size_t{256}}) {
      fmt::print("{:<44} {:.1f} MiB\n", fmt::format("peak memory {}, {} samples", mode, samples),
                 run_child(arguments, mode, samples).peak_mib);
    }
  }
  return 0;
}

}  // namespace
}  // namespace ptq

int main(int argc, char** argv) {
  try {
    const ptq::Arguments arguments = ptq::parse(argc, argv);
    return arguments.child.empty() ? ptq::compare(arguments) : ptq::measure(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ptq_bench: {}\n", error.what());
    return 1;
  }
}
