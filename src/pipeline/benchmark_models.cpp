#include <algorithm>

#include <fmt/format.h>

#include "core/parallel.h"
#include "data/sample_source.h"
#include "measure/feeds.h"
#include "measure/paired_runs.h"
#include "measure/profile.h"
#include "measure/quartiles.h"
#include "onnx_io/read.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"
#include "runtime/session.h"

namespace ptq {
namespace {

constexpr int64_t kMaxSamples = 64;  // kept in memory
constexpr size_t kProfiledRuns = 20;
constexpr size_t kSkippedRuns = 3;

void check_same_inputs(const std::vector<InputSpec>& fp32, const std::vector<InputSpec>& quantized,
                       const std::filesystem::path& path) {
  const bool same = std::ranges::equal(fp32, quantized, [](const InputSpec& a, const InputSpec& b) {
    return a.name == b.name && a.dtype == b.dtype;
  });
  if (!same) {
    throw Error(ErrorCode::kInput,
                fmt::format("{}: expected the inputs of the FP32 model, by name and type; found "
                            "others; give the model that was quantized from it",
                            printable(path.string())));
  }
}

std::vector<Feeds> make_feeds(const std::vector<InputSpec>& inputs, const BenchmarkRequest& request,
                              Benchmark& result) {
  if (request.data.empty()) {
    result.generated = true;
    result.feeds = "generated inputs (floats uniform in [0, 1), integers 1), good for times only";
    return {generated_feeds(inputs, request.shapes, request.batch)};
  }
  if (!request.shapes.empty()) {
    throw Error(ErrorCode::kUsage, "--shape is for generated inputs; leave out --data or --shape");
  }
  DataOptions options = request.options;
  if (options.max_samples == 0) {
    options.max_samples = std::max(kMaxSamples, request.batch);
  }
  const std::unique_ptr<SampleSource> source = open_data(request.data, inputs, options);
  std::vector<Feeds> feeds = batched_feeds(inputs, *source, request.batch);
  result.feeds = fmt::format("{} batch(es) of {} sample(s) of {}", feeds.size(), request.batch,
                             printable(fmt::format("{}", fmt::join(request.data, " "))));
  return feeds;
}

std::vector<KindTime> profile_kinds(const std::filesystem::path& fp32,
                                    const std::filesystem::path& quantized,
                                    const std::vector<Feeds>& feeds,
                                    const SessionOptions& options) {
  const auto profile = [&](const std::filesystem::path& path) {
    return profile_session(
        [&](const SessionOptions& wanted) { return Session::from_path(path, wanted); },
        [&](const Session& session, size_t i) { session.run(feeds[i % feeds.size()]); }, options,
        kProfiledRuns + kSkippedRuns, kSkippedRuns);
  };
  return time_by_kind(profile(fp32), profile(quantized));
}

void add_warnings(Benchmark& result) {
  for (const std::string& warning :
       {noise_warning("FP32", result.fp32_ms), noise_warning("quantized", result.quantized_ms)}) {
    if (!warning.empty()) {
      result.warnings.push_back(warning);
    }
  }
  if (result.speedup.lower < 1.0 && result.speedup.upper > 1.0) {
    result.warnings.emplace_back(
        "the quartiles of the speedup lie on both sides of 1: these runs do not tell which model "
        "is faster");
  }
}

}  // namespace

Benchmark benchmark_models(const std::filesystem::path& fp32,
                           const std::filesystem::path& quantized,
                           const BenchmarkRequest& request) {
  // Our own checks come before the runtime sees the bytes.
  const std::vector<InputSpec> inputs = input_specs(read_model(fp32).graph);
  check_same_inputs(inputs, input_specs(read_model(quantized).graph), quantized);
  Benchmark result{
      .threads = resolve_threads(request.threads), .batch = request.batch, .runs = request.runs};
  const std::vector<Feeds> feeds = make_feeds(inputs, request, result);
  SessionOptions options;
  options.intra_threads = result.threads;
  const Session a = Session::from_path(fp32, options);
  const Session b = Session::from_path(quantized, options);
  const PairedTimes times = run_paired([&](size_t i) { a.run(feeds[i % feeds.size()]); },
                                       [&](size_t i) { b.run(feeds[i % feeds.size()]); },
                                       {.runs = request.runs,
                                        .warmup = request.warmup,
                                        .progress = request.progress,
                                        .stop = request.stop});
  result.fp32_ms = quartiles(times.first_ms);
  result.quantized_ms = quartiles(times.second_ms);
  result.speedup = quartiles(pair_ratios(times.first_ms, times.second_ms));
  if (request.profile) {
    result.kinds = profile_kinds(fp32, quantized, feeds, options);
  }
  add_warnings(result);
  return result;
}

}  // namespace ptq
