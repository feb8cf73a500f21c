#include "calib/calibrate.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "calib/calibration_run.h"
#include "graph/edit.h"
#include "graph/index.h"
#include "graph/model_index.h"
#include "onnx_io/infer_shapes.h"
#include "ptq/error.h"
#include "runtime/library.h"
#include "runtime/observed_session.h"

namespace ptq {
namespace {

ObservedSlots assign_slots(const Model& model, const std::vector<std::string>& values) {
  const GraphIndex index(model.graph);
  ObservedSlots slots;
  const std::set<std::string> unique(values.begin(), values.end());
  for (const std::string& value : unique) {
    if (!index.is_graph_input(value)) {
      slots.node_outputs.push_back(value);
    }
  }
  slots.table.names = slots.node_outputs;
  for (const std::string& value : unique) {
    if (index.is_graph_input(value)) {
      slots.inputs.emplace(value, slots.table.names.size());
      slots.table.names.push_back(value);
    }
  }
  return slots;
}

// What the model says of the shapes of the slots, for the mask.
void find_shapes(const Model& model, const std::string& mask_input, SlotTable& table) {
  const auto mask = std::ranges::find(model.graph.inputs, mask_input, &ValueInfo::name);
  if (mask == model.graph.inputs.end()) {
    throw Error(ErrorCode::kUsage, fmt::format("--mask-input: the model has no input '{}'; see "
                                               "`ptq inspect` for its inputs",
                                               printable(mask_input)));
  }
  table.tokens_vary = mask->shape.size() < 2 || mask->shape[1] < 0;
  Model inferred = model;
  inferred.graph = copy_graph(model.graph);
  infer_shapes(inferred);
  const ModelIndex index(inferred.graph);
  for (const std::string& name : table.names) {
    const size_t graph = index.find_graph(name);
    const ValueInfo* const info = graph == ModelIndex::npos ? nullptr : index[graph].info(name);
    table.shapes.push_back(info != nullptr && info->has_shape ? info->shape : Shape{});
  }
}

void check_options(const CalibrateOptions& options) {
  if (options.measure.batch == 0 || options.measure.shards == 0 ||
      options.measure.shard >= options.measure.shards) {
    throw Error(ErrorCode::kUsage,
                fmt::format("expected a batch of 1 or more and a shard I/N with I from 0 to N-1, "
                            "found batch {} and shard {}/{}",
                            options.measure.batch, options.measure.shard, options.measure.shards));
  }
  if (options.sketch && (options.measure.batch > 1 || options.measure.resume)) {
    throw Error(ErrorCode::kUsage,
                "looking at single samples needs one sample a run, from the first on; leave out "
                "--batch and --resume");
  }
  if (!options.measure.states.empty() &&
      (options.measure.batch > 1 || options.measure.shards > 1)) {
    throw Error(ErrorCode::kUsage,
                "with --state samples follow each other, so neither --batch nor --shard can be "
                "used; give each machine files of its own and merge the statistics");
  }
}

// Samples are stacked along axis 0, which the model must leave open.
void check_batch(const Graph& graph, uint64_t batch) {
  for (const InputSpec& input : input_specs(graph)) {
    if (batch > 1 && input.has_shape && (input.shape.empty() || input.shape[0] >= 0)) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("--batch {}: expected inputs whose first dimension is open, found "
                              "'{}' {}; leave --batch out",
                              batch, printable(input.name), shape_text(input.shape)));
    }
  }
}

ActivationStats identity_of(const SampleSource& source, const CalibrateOptions& options) {
  ActivationStats stats;
  stats.model_fingerprint = options.model_fingerprint;
  stats.runtime_version = runtime_version();
  stats.preprocessing = source.preprocessing();
  stats.settings = settings_text(options.measure);
  if (options.measure.shards > 1) {
    stats.shards = {options.measure.shards, source.size(), {options.measure.shard}};
  }
  return stats;
}

}  // namespace

std::string settings_text(const MeasureOptions& measure) {
  std::string text;
  if (!measure.mask_input.empty()) {
    text = "mask " + measure.mask_input;
  }
  for (const StateLink& link : measure.states) {
    text += fmt::format("{}state {}={}", text.empty() ? "" : "; ", link.output, link.input);
  }
  return text;
}

Calibration calibrate(const Model& model, const std::vector<std::string>& values,
                      SampleSource& source, const CalibrateOptions& options) {
  check_options(options);
  check_batch(model.graph, options.measure.batch);
  ObservedSlots slots = assign_slots(model, values);
  if (!options.measure.mask_input.empty()) {
    find_shapes(model, options.measure.mask_input, slots.table);
  }
  CalibrationRun run(model, slots, source, options, identity_of(source, options));
  WorkerSink sink;
  ObservedSession observed = observe_values(model, slots.node_outputs, sink, options.stop);
  run.work(observed.session);

  Calibration result;
  result.fallback_reason = std::move(observed.fallback_reason);
  result.resumed = run.resumed();
  result.stats = run.stats();
  if (options.sketch) {
    result.sketches = {slots.table.names, run.take_sketches()};
  }
  const std::set<size_t> skipped(observed.skipped.begin(), observed.skipped.end());
  for (size_t slot = 0; slot < slots.table.names.size(); ++slot) {
    const std::string& name = slots.table.names[slot];
    if (!result.stats.tensors.contains(name) || skipped.contains(slot)) {
      result.not_observed.push_back(name);
    } else if (run.counted_unmasked(slot)) {
      result.not_masked.push_back(name);
    }
  }
  return result;
}

}  // namespace ptq
