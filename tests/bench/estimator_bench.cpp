// Whether the rule picks the right range estimator, for docs/diagnosis.md.
//
//   ptq_estimator_bench MODEL CALIBRATION HELD_OUT [--image-spec SPEC] [--samples N] [--held N]
//
// Ranges come from the first N samples of CALIBRATION; every value of the held-out samples is then
// rounded with the range of each estimator, in one pass. Prints SQNR predicted and measured, a line
// a value, and how often the rule's pick is within 0.3 dB of the best of the four.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench_arguments.h"
#include "calib/observed_run.h"
#include "data/sample_source.h"
#include "pipeline/observed_values.h"
#include "ptq/error.h"

namespace ptq {
namespace {

struct Coding {
  QuantParams params;
  double predicted_db = 0.0;
  double noise = 0.0;
};

struct Value {
  TensorDiagnosis diagnosis;
  UsefulInterval useful;
  std::map<std::string, Coding> codings;  // by estimator
  double signal = 0.0;

  double measured(const std::string& estimator) const {
    const double noise = codings.at(estimator).noise;
    return noise > 0.0 ? 10.0 * std::log10(signal / noise) : 200.0;
  }
  double best() const {
    double best = -200.0;
    for (const auto& [name, coding] : codings) {
      best = std::max(best, measured(name));
    }
    return best;
  }
};

std::vector<Value> diagnosed_values(const LoadedModel& model, const ActivationStats& stats,
                                    const QuantizeRequest& request) {
  const Graph& graph = model.model.graph;
  const WantedStats wanted =
      wanted_stats(graph, measured_values(graph, observed_structure(graph, stats, request), stats),
                   stats, request);
  const QuantScheme scheme = target_of(request).activation;
  std::vector<Value> values;
  for (TensorDiagnosis& diagnosis : diagnose_values(wanted, request)) {
    Value value;
    const auto bounds = wanted.bounded.find(diagnosis.name);
    value.useful = bounds == wanted.bounded.end() ? UsefulInterval{} : bounds->second;
    for (const auto& [name, range] : predicted_ranges(wanted.stats.tensors.at(diagnosis.name),
                                                      scheme, 8, request.policy.percentile)) {
      value.codings[name] = {.params = params_for_range(range.lo, range.hi, scheme),
                             .predicted_db = range.sqnr_db,
                             .noise = 0.0};
    }
    value.diagnosis = std::move(diagnosis);
    values.push_back(std::move(value));
  }
  return values;
}

void add(std::span<const float> piece, CodeRange codes, Value& value) {
  for (const float raw : piece) {
    const float x = std::clamp(raw, value.useful.lo, value.useful.hi);
    value.signal += static_cast<double>(x) * static_cast<double>(x);
    for (auto& [name, coding] : value.codings) {
      const float scale = coding.params.scale[0];
      const int32_t zero = coding.params.zero_point[0];
      const double error =
          static_cast<double>(x) -
          static_cast<double>(dequantize(quantize(x, scale, zero, codes), scale, zero));
      coding.noise += error * error;
    }
  }
}

void print(const std::vector<Value>& values) {
  size_t good = 0;
  double lost_sum = 0.0;
  const Value* worst = &values.front();
  const auto lost = [](const Value& value) {
    return value.best() - value.measured(value.diagnosis.estimator);
  };
  for (const Value& value : values) {
    std::string line = value.diagnosis.name + "\t" + value.diagnosis.estimator;
    for (const auto& [name, coding] : value.codings) {
      line += fmt::format("\t{} {:.2f} {:.2f}", name, coding.predicted_db, value.measured(name));
    }
    std::puts(line.c_str());
    good += lost(value) <= 0.3 ? 1U : 0U;
    lost_sum += lost(value);
    worst = lost(value) > lost(*worst) ? &value : worst;
  }
  const auto count = static_cast<double>(values.size());
  std::puts(fmt::format("# within 0.3 dB of the best: {} of {} values ({:.1f} %), mean loss {:.2f} "
                        "dB, worst {:.2f} dB ({}, {})",
                        good, values.size(), 100.0 * static_cast<double>(good) / count,
                        lost_sum / count, lost(*worst), worst->diagnosis.name,
                        worst->diagnosis.estimator)
                .c_str());
}

void run(const BenchArguments& arguments) {
  const LoadedModel model = load_model(arguments.model);
  const DataRequest calibration = request_for(arguments.calibration, arguments, arguments.samples);
  std::vector<std::string> warnings;
  const ActivationStats stats =
      calibrate_model(model, targets().front(), {}, calibration, warnings);
  const QuantizeRequest request;
  std::vector<Value> values = diagnosed_values(model, stats, request);
  std::vector<std::string> names;
  for (const Value& value : values) {
    names.push_back(value.diagnosis.name);
  }
  const std::unique_ptr<SampleSource> source =
      open_data({arguments.held_out}, input_specs(model.model.graph),
                request_for(arguments.held_out, arguments, arguments.held).options);
  const CodeRange codes = code_range(target_of(request).activation);
  RunOptions one_thread;  // so that sums need no lock
  one_thread.threads = 1;
  run_observed(model.model, names, *source, one_thread,
               [&](size_t /*worker*/, size_t i, const ObservedTensor& tensor) {
                 for_each_piece(
                     tensor, [&](std::span<const float> piece) { add(piece, codes, values[i]); });
               });
  if (values.empty()) {
    throw Error(ErrorCode::kInput, "no value of the model is observed");
  }
  print(values);
}

}  // namespace
}  // namespace ptq

int main(int argc, char** argv) {
  try {
    ptq::run(ptq::parse_bench_arguments(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fputs(fmt::format("{}\n", error.what()).c_str(), stderr);
    return 1;
  }
}
