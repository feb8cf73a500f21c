#pragma once
// The whole way from a model file and samples to a checked quantized model, one function a step.
// Each product is a plain value, so that a caller can stop after any step, look, and go on. Called
// from one thread; the steps use threads of their own.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ptq/activation_stats.h"
#include "ptq/benchmark.h"
#include "ptq/coverage.h"
#include "ptq/data_check.h"
#include "ptq/data_options.h"
#include "ptq/diagnosis.h"
#include "ptq/graph.h"
#include "ptq/kernel_proof.h"
#include "ptq/layer_diagnosis.h"
#include "ptq/layer_error.h"
#include "ptq/measure_options.h"
#include "ptq/plan.h"
#include "ptq/recipe.h"
#include "ptq/sample_sketch.h"
#include "ptq/selection.h"
#include "ptq/validation.h"
#include "ptq/validation_request.h"
#include "ptq/weight_granularity.h"

namespace ptq {

using Progress = std::function<void(size_t done, size_t total)>;

// A model that was read, checked and prepared: BatchNormalization folded, constants folded, opset
// raised. Its FP32 outputs are those of the file.
struct LoadedModel {
  Model model{};
  std::string fingerprint{};          // SHA-256 of the file's graph and weights
  uint64_t size_bytes = 0;            // of the file and its external data
  std::vector<std::string> passes{};  // "fold_batch_norm: 52"
  std::vector<std::string> notes{};   // what a pass could not do, in words
};

// Throws Error{kInput} for a file that is no usable model, or that is already quantized.
LoadedModel load_model(const std::filesystem::path& path);

struct DataRequest {
  std::vector<std::string> data{};  // as given to --data, all together one data set; empty: none
  DataOptions options{};
  MeasureOptions measure{};  // of calibration
  int threads = 0;           // 0: all processors
  Progress progress{};
  const std::atomic<bool>* stop =
      nullptr;  // set by a signal handler: ends with Error{kInterrupted}
};

// Reads all samples and says what is in them and what is wrong or odd, without the runtime. A
// refusal after the first sample was opened becomes a finding; one before it throws Error{kInput}.
DataCheck check_data(const std::filesystem::path& model, const DataRequest& data);

// What each node of the model, inner graphs included, is able to do on the target, before anything
// is measured. Throws Error{kUsage} for a name in `keep_float` that no node has.
std::vector<Decision> plan_coverage(const LoadedModel& model, const Target& target,
                                    const std::vector<std::string>& keep_float);

// The tensors of the first sample by input of `model`.
std::map<std::string, Tensor> first_sample(const LoadedModel& model, const DataRequest& data);

// Observes every value that a plan for `model` on `target` needs, in one pass over the samples.
// `warnings` receives what is odd about the data, `sketches` (may be null) one of each sample.
ActivationStats calibrate_model(const LoadedModel& model, const Target& target,
                                const std::vector<std::string>& keep_float, const DataRequest& data,
                                std::vector<std::string>& warnings,
                                SampleSketches* sketches = nullptr);

// Some node of a coverage or a plan runs in integers.
bool any_integer(const std::vector<Decision>& decisions);

// Throws Error{kInput} when `stats` were not measured on `model`.
void check_stats_belong(const ActivationStats& stats, const LoadedModel& model);

struct InstrumentRequest {
  const Target* target = nullptr;         // null: the first of targets()
  std::vector<std::string> keep_float{};  // as for calibration
  std::vector<std::string> tensors{};     // shell patterns of names; empty: all that a plan needs
  uint64_t every = 20;                    // 1 or more: each so many-th run is counted
  std::string stats_file{};               // pattern, see ptq/observe.h
  MeasureOptions measure{};               // mask and states alone
};

struct Instrumented {
  Model model{};                          // the file's, or the prepared one, with observers
  std::vector<std::string> values{};      // observed
  std::vector<std::string> unobserved{};  // neither float32 nor float16
  // Values that only the prepared model has, which is therefore what was instrumented; its outputs
  // are those of the file but for rounding. Empty: the model is the file's.
  std::vector<std::string> only_prepared{};
};

// The model at `path`, whose prepared form is `loaded`, with the observers of libptq_observe for
// every value that a plan needs. Throws Error{kUsage} for patterns that match nothing,
// Error{kInput} for a model that cannot be observed.
Instrumented instrument_model(const std::filesystem::path& path, const LoadedModel& loaded,
                              const InstrumentRequest& request);

// A recipe beside what it is carried out with.
struct QuantizeRequest : Recipe {
  // Measures on `samples` which products are faster in float on this processor, and leaves them
  // there. Timing, so the result is not the same for the same arguments.
  bool keep_faster = false;
  DataRequest samples{};
  int threads = 0;
  // Tensors of one sample by model input, for weighing nodes where the model leaves dimensions
  // open; may be empty.
  std::map<std::string, Tensor> sample{};
};

// What became of one weight.
struct WeightSummary {
  std::string node{};
  std::string constant{};
  DType dtype = DType::kUndefined;
  bool pair_limited = false;
  double sqnr_db = 0.0;  // of the codes against the float weight
  // Largest |w1 + w2| of neighbouring codes of equal sign, and an upper bound for the share of
  // 16-bit pair sums that saturate on x86 without VNNI; 0 where kernels are exact.
  int32_t largest_pair_sum = 0;
  double saturating_share = 0.0;
  std::string reason{};

  bool can_saturate() const { return largest_pair_sum > 128; }  // 255 · 129 > 2^15
};

struct Quantized {
  Model model{};
  QuantPlan plan{};
  std::vector<TensorDiagnosis> diagnoses{};  // hardest first
  std::vector<WeightSummary> weights{};
  RuntimeCheck runtime{};
  // First outputs of the products that measurements left in float: with them in `keep_float`, and
  // without measuring again, the same model is made.
  std::vector<std::string> left_in_float{};
  uint64_t size_bytes = 0;
  uint64_t original_size_bytes = 0;
};

// Throws Error{kUsage} when keep_faster is set without samples or for another engine than ONNX
// Runtime. quantize_model asks it first; it needs no model, so a caller can ask before calibration.
void check_request(const QuantizeRequest& request);

// Diagnoses, plans, rewrites and loads the result in the runtime. When nothing in the model can run
// in integers, the result has decisions with their reasons and no model.
Quantized quantize_model(const LoadedModel& model, const ActivationStats& stats,
                         const QuantizeRequest& request);

std::vector<TensorDiagnosis> diagnose_model(const LoadedModel& model, const ActivationStats& stats,
                                            const QuantizeRequest& request);

// Channels that the first samples, at most kChannelSamples, never move.
inline constexpr int64_t kChannelSamples = 64;
struct ChannelActivity {
  uint64_t samples = 0;                 // 0: not looked at
  std::vector<StillChannels> values{};  // those that have any, by name
};
// Looks at what the products of the main graph with constant weights read, in a pass of its own.
ChannelActivity find_still_channels(const LoadedModel& model, const DataRequest& data);

// Layer by layer, with the findings and a verdict on the whole.
struct ModelDiagnosis {
  std::vector<LayerDiagnosis> layers{};  // in the order of computation
  ModelTraits traits{};
  std::vector<DiagnosisFinding> findings{};  // those of the verdict first
  Verdict verdict{};
  ChannelActivity channels{};
};
// Keeps `activity`, with a finding for each of its values.
void add_still_channels(ChannelActivity activity, ModelDiagnosis& diagnosis);
// With `request.samples`, what noise on each value does to the outputs is measured on up to 32 of
// them (one run for each value and sample, as far as 3 · 10^11 multiply-accumulates allow), else
// estimated from weights and statistics.
ModelDiagnosis diagnose_layers(const LoadedModel& model, const ActivationStats& stats,
                               const QuantizeRequest& request, const VerdictRequest& wanted);

// Production beside calibration, tensor by tensor, with the ranges that `policy` chooses for the
// codes of `target`. The model is not needed, so what makes no difference behind a value
// (a HardSwish far below zero) counts, too. Throws as check_comparable.
std::vector<TensorCoverage> compare_production(const NamedStats& calibration,
                                               const NamedStats& production, const Target& target,
                                               const EstimatorPolicy& policy, int threads);

// A list of samples of a pool, as `--data @LIST` reads it.
struct PoolList {
  std::string text{};
  std::vector<std::string> origins{};   // of the samples, as messages name them
  std::vector<std::string> warnings{};  // what a reader of the list has to know
};

// Sketches of all samples of the pool, in one pass. Throws Error{kInput} before it when the pool
// holds fewer than `least` samples.
SampleSketches sketch_pool(const LoadedModel& model, const Target& target, const DataRequest& pool,
                           size_t least, std::vector<std::string>& warnings);

// The list of the chosen samples (positions in `sketches`), to stand at `list`. Throws
// Error{kUsage} where no list can name samples of such a pool.
PoolList pool_list(const LoadedModel& model, const DataRequest& pool,
                   const SampleSketches& sketches, const std::vector<size_t>& chosen,
                   const std::filesystem::path& list);

// Compares two model files on the samples, scores the task, looks for what is wrong with the
// quantized file, and judges all of it by the limits. Throws Error{kUsage} for a request that
// cannot be judged.
Validation validate_models(const std::filesystem::path& fp32,
                           const std::filesystem::path& quantized, const DataRequest& data,
                           const ValidationRequest& request);

// Hashes of samples that were calibrated on, as statistics hold them.
CalibrationHashes hash_samples(const std::filesystem::path& model, const DataRequest& data);

// Layer by layer, how far a quantized model is from FP32: what has piled up at each result over all
// samples, and what each layer that the file computes from codes costs the outputs alone, on up to
// 8 samples. Two sessions hold all results of a sample, at most 128 MiB of them at a time. Throws
// Error{kInput} for a file without Q/DQ pairs in front of nodes of `fp32`.
LayerErrors layer_errors(const LoadedModel& fp32, const Model& quantized, const DataRequest& data);

struct BenchmarkRequest {
  std::vector<std::string> data{};        // samples; empty: inputs are generated
  DataOptions options{};                  // max_samples 0: all, at most 64
  std::map<std::string, Shape> shapes{};  // of generated inputs whose dimensions are open
  int threads = 0;                        // inside an operator; 0: all processors
  int64_t batch = 1;
  size_t runs = 30;
  size_t warmup = 5;
  bool profile = true;  // times by kind of operator too
  Progress progress{};
  const std::atomic<bool>* stop = nullptr;  // ends with Error{kInterrupted}
};

// Throws Error{kUsage} for an open dimension that nothing closes and for a batch that the model
// does not take, Error{kInput} for models whose inputs differ.
Benchmark benchmark_models(const std::filesystem::path& fp32,
                           const std::filesystem::path& quantized, const BenchmarkRequest& request);

}  // namespace ptq
