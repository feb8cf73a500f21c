#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "core/atomic_file.h"
#include "core/parallel.h"
#include "data/npz_writer.h"
#include "data/sample_check.h"
#include "onnx_io/read.h"
#include "pipeline/accuracy_level.h"
#include "pipeline/integer_share.h"
#include "pipeline/labelled_samples.h"
#include "pipeline/model_integrity.h"
#include "pipeline/open_samples.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"
#include "validate/compare.h"
#include "validate/evaluate.h"
#include "validate/findings.h"
#include "validate/gates.h"

namespace ptq {
namespace {

constexpr double kSuspiciousDb = 20.0;  // an output below makes one look for saturated activations
constexpr size_t kNamedOverlaps = 16;

const TaskRow* wanted_task(const TaskOptions& options) {
  if (!options.name.empty()) {
    return &find_task(options.name);
  }
  return options.labels.empty() ? nullptr : &find_task("classification");
}

// Says before the work what cannot be judged behind it.
void check_request(const ValidationRequest& request, const TaskRow* task) {
  const bool judged = task != nullptr || !request.evaluate.command.empty();
  if (request.limits.max_drop && !judged) {
    throw Error(ErrorCode::kUsage,
                "--max-drop needs labels: give --labels KEY or --labels FILE, or --evaluate CMD");
  }
  if (task != nullptr && task->labels != LabelForm::kOptionalTensor &&
      request.task.labels.empty()) {
    throw Error(ErrorCode::kUsage, fmt::format("--task {} needs labels: give --labels KEY or "
                                               "--labels FILE",
                                               task->name));
  }
  if (task != nullptr) {
    find_metric(*task, request.task.metric);
  }
  if (request.limits.forbid_overlap && !request.calibration) {
    throw Error(ErrorCode::kUsage,
                "--forbid-overlap needs to know what was calibrated on: give --stats FILE or "
                "--calibration SAMPLES");
  }
  if (!request.evaluate.command.empty() &&
      request.evaluate.command.find("{model}") == std::string::npos) {
    throw Error(ErrorCode::kUsage,
                "--evaluate: expected {model} in the command, in place of the model's path");
  }
}

SessionOptions session_options(const ValidationRequest& request, bool quantized) {
  SessionOptions options;
  options.level = request.runtime_opt == "none"    ? OptLevel::kNone
                  : request.runtime_opt == "basic" ? OptLevel::kBasic
                                                   : OptLevel::kAll;
  if (quantized && request.accuracy_level >= 0) {
    options.config.emplace("session.qdq_matmulnbits_accuracy_level",
                           fmt::format("{}", request.accuracy_level));
  }
  return options;
}

TaskResult score_task(const TaskRow& task, const Comparison& compared,
                      const ValidationRequest& request) {
  TaskResult result{.name = std::string(task.name),
                    .form = compared.task_form,
                    .samples = compared.fp32_scores.size(),
                    .judged = find_metric(task, request.task.metric)};
  for (size_t k = 0; k < task.metrics.size() && result.samples > 0; ++k) {
    result.metrics.push_back(measure_metric(task.metrics[k], compared.fp32_scores,
                                            compared.quantized_scores, request.confidence,
                                            request.resamples, request.seed));
  }
  if (compared.flips.decided > 0) {
    result.flips = compared.flips;
  }
  return result;
}

void add_evaluation(const std::filesystem::path& fp32, const std::filesystem::path& quantized,
                    const DataRequest& data, const ValidationRequest& request,
                    Validation& validation) {
  if (request.evaluate.command.empty()) {
    return;
  }
  if (!validation.task) {
    validation.task = TaskResult{.name = "evaluate"};
  }
  validation.task->metrics.push_back(evaluate_models(request.evaluate, fp32, quantized, data.stop));
  validation.task->metrics.back().confidence = request.confidence;
  validation.task->judged = validation.task->metrics.size() - 1;
}

void add_hygiene(const Comparison& compared, const ValidationRequest& request,
                 Validation& validation) {
  Hygiene& hygiene = validation.hygiene;
  std::set<Digest> seen;
  for (const Digest& hash : compared.hashes) {
    hygiene.duplicates += seen.insert(hash).second ? 0U : 1U;
  }
  if (hygiene.duplicates > 0) {
    validation.findings.push_back(make_finding(
        ValidationCode::kDuplicates, fmt::format("{} of {} samples are equal to an earlier one",
                                                 hygiene.duplicates, validation.samples)));
  }
  if (!request.calibration) {
    validation.findings.push_back(make_finding(
        ValidationCode::kOverlapUnknown,
        "it was not checked whether samples were calibrated on: neither --stats nor --calibration "
        "was given"));
    return;
  }
  hygiene.calibration = request.calibration->name;
  hygiene.calibration_samples = request.calibration->hashes.size();
  const std::set<Digest> calibrated(request.calibration->hashes.begin(),
                                    request.calibration->hashes.end());
  for (size_t i = 0; i < compared.hashes.size(); ++i) {
    if (calibrated.contains(compared.hashes[i])) {
      ++hygiene.overlap;
      if (hygiene.overlapping.size() < kNamedOverlaps) {
        hygiene.overlapping.push_back(compared.names[i]);
      }
    }
  }
  if (hygiene.overlap > 0) {
    validation.findings.push_back(make_finding(
        ValidationCode::kOverlap,
        fmt::format("{} of {} samples were calibrated on ({}), e.g. {}", hygiene.overlap,
                    validation.samples, printable(hygiene.calibration),
                    printable(hygiene.overlapping.front()))));
  }
}

void add_interface(const Comparison& compared, Validation& validation) {
  for (const OutputError& output : compared.outputs) {
    if (output.nonfinite > output.fp32_nonfinite) {
      validation.findings.push_back(make_finding(
          ValidationCode::kNotFinite,
          fmt::format("output {} of the quantized model holds {} NaN or infinite value(s), that of "
                      "FP32 {}",
                      printable(output.name, 80), output.nonfinite, output.fp32_nonfinite)));
    }
  }
  const InterfaceReport& report = compared.interface;
  const auto add = [&](ValidationCode code, const std::string& text) {
    if (!text.empty()) {
      validation.findings.push_back(make_finding(code, text));
    }
  };
  add(ValidationCode::kOutputs, report.missing);
  add(ValidationCode::kExchanged, report.exchanged);
  add(ValidationCode::kOutputOrder, report.order);
  add(ValidationCode::kOutputShape, report.shapes);
}

bool is_suspicious(const Validation& validation) {
  return std::ranges::any_of(validation.outputs, [](const OutputError& output) {
    return output.values > 0 && !(output.sqnr_db >= kSuspiciousDb);
  });
}

// What a look into the file tells. A reference that is no plain FP32 model is compared at its
// outputs only.
void add_integrity(const std::filesystem::path& fp32, const Model& quantized,
                   const DataRequest& data, Validation& validation) {
  std::optional<LoadedModel> prepared;
  try {
    prepared = load_model(fp32);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInput) {
      throw;
    }
    validation.findings.push_back(
        make_finding(ValidationCode::kWeightsNotCompared,
                     fmt::format("weights were not compared: {}", error.what())));
    return;
  }
  const auto add = [&](std::vector<ValidationFinding> findings) {
    std::ranges::move(findings, std::back_inserter(validation.findings));
  };
  add(weight_findings(*prepared, quantized));
  if (is_suspicious(validation)) {
    add(saturation_findings(*prepared, quantized, data));
  }
}

void dump_worst(const Comparison& compared, const std::filesystem::path& folder,
                Validation& validation) {
  for (size_t i = 0; i < compared.worst_inputs.size(); ++i) {
    const std::filesystem::path path = folder / fmt::format("worst_{:03}.npz", i + 1);
    write_npz(path, compared.worst_inputs[i]);
    validation.worst[i].file = path.string();
  }
}

// The file and the external files that its tensors name.
uint64_t file_bytes(const Model& model, const std::filesystem::path& path) {
  uint64_t payload = 0;
  for (const Constant& constant : model.graph.initializers) {
    payload += constant.tensor.bytes().size();
  }
  return std::max<uint64_t>(std::filesystem::file_size(path), payload);
}

}  // namespace

CalibrationHashes hash_samples(const std::filesystem::path& model, const DataRequest& data) {
  const Model read = read_model(model);
  const std::unique_ptr<SampleSource> source = open_without_states(read, data);
  CalibrationHashes result;
  for (const std::string& argument : data.data) {
    result.name += (result.name.empty() ? "" : " ") + argument;
  }
  while (const std::optional<Sample> sample = source->next()) {
    result.hashes.push_back(sample_hash(*sample));
  }
  return result;
}

Validation validate_models(const std::filesystem::path& fp32,
                           const std::filesystem::path& quantized, const DataRequest& data,
                           const ValidationRequest& request) {
  const TaskRow* task = wanted_task(request.task);
  check_request(request, task);
  const Model reference = read_model(fp32);
  const Model other = read_model(quantized);  // our own checks come before the runtime's
  const std::unique_ptr<SampleSource> source =
      open_labelled(reference, data, task, request.task.labels);
  const Session a = Session::from_path(fp32, session_options(request, false));
  const Session b = Session::from_path(quantized, session_options(request, true));
  CompareOptions options{.threads = data.threads,
                         .progress = data.progress,
                         .stop = data.stop,
                         .task = task,
                         .task_options = request.task,
                         .decisions = task == nullptr || task->decisions,
                         .worst = request.worst,
                         .keep_worst = !request.dump_folder.empty()};
  for (const StateLink& link : data.measure.states) {
    options.unhashed.push_back(link.input);
  }
  const Comparison compared = compare_models(a, b, *source, options);

  Validation validation{.samples = compared.samples,
                        .outputs = compared.outputs,
                        .decisions = compared.decisions,
                        .worst = compared.worst,
                        .fp32_bytes = file_bytes(reference, fp32),
                        .quantized_bytes = file_bytes(other, quantized),
                        .warnings = compared.warnings};
  validation.settings = {.threads = resolve_threads(data.threads),
                         .runtime_opt = request.runtime_opt,
                         .accuracy_level = request.accuracy_level,
                         .confidence = request.confidence,
                         .seed = request.seed,
                         .sample_fingerprint = multiset_fingerprint(compared.hashes)};
  if (task != nullptr) {
    validation.task = score_task(*task, compared, request);
  }
  add_interface(compared, validation);
  add_integrity(fp32, other, data, validation);
  add_hygiene(compared, request, validation);
  if (std::optional<ValidationFinding> finding =
          accuracy_level_finding(reference, a, other, quantized, data,
                                 session_options(request, false), request.accuracy_level)) {
    validation.findings.push_back(std::move(*finding));
  }
  if (!request.dump_folder.empty()) {
    dump_worst(compared, request.dump_folder, validation);
  }
  if (request.layers) {
    validation.layers = layer_errors(load_model(fp32), other, data);
  }
  if (request.limits.min_integer_share) {
    const std::unique_ptr<SampleSource> again = open_samples(reference, data);
    const std::optional<Sample> first = again->next();
    validation.integer_share =
        integer_share(other, first ? first->inputs : std::map<std::string, Tensor>());
  }
  if (request.limits.min_speedup) {
    validation.benchmark = benchmark_models(fp32, quantized,
                                            {.data = data.data,
                                             .options = data.options,
                                             .threads = request.speed_threads,
                                             .runs = request.speed_runs,
                                             .profile = false,
                                             .stop = data.stop});
  }
  add_evaluation(fp32, quantized, data, request, validation);
  apply_gates(request.limits, validation);
  return validation;
}

}  // namespace ptq
