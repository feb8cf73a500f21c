#include <algorithm>
#include <limits>

#include "core/error_power.h"
#include "core/parallel.h"
#include "graph/index.h"
#include "onnx_io/read.h"
#include "pipeline/open_samples.h"
#include "pipeline/sized_graph.h"
#include "pipeline/spread_samples.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"
#include "runtime/model_session.h"
#include "search/measured_outputs.h"
#include "validate/exclude_layers.h"
#include "validate/single_layer.h"

namespace ptq {
namespace {

constexpr size_t kAloneSamples = 8;
constexpr int64_t kChunkElements = int64_t{1} << 25;  // 128 MiB of float32 a session and thread

void check_stop(const DataRequest& data) {
  if (data.stop != nullptr && data.stop->load()) {
    throw Error(ErrorCode::kInterrupted, "interrupted while looking for the layers with the error");
  }
}

// Sum of errors by output, over samples in their order.
using Powers = std::vector<ErrorPower>;

void add_errors(const std::vector<Tensor>& reference, const std::vector<Tensor>& other,
                Powers& powers) {
  powers.resize(reference.size());
  for (size_t k = 0; k < reference.size(); ++k) {
    if (reference[k].dtype() == DType::kFloat && other[k].dtype() == DType::kFloat) {
      powers[k] += error_power(reference[k], other[k]);
    }
  }
}

double worst_db(const Powers& powers) {
  double worst = std::numeric_limits<double>::infinity();
  for (const ErrorPower& power : powers) {
    if (power.signal > 0.0 || power.noise > 0.0) {
      worst = std::min(worst, power.sqnr_db());
    }
  }
  return worst;
}

// The model with these values as its only outputs.
Model with_outputs(Model model, std::vector<ValueInfo> values) {
  model.graph.outputs = std::move(values);
  return model;
}

class LayerSearch {
 public:
  LayerSearch(const LoadedModel& fp32, const Model& quantized, const DataRequest& data)
      : fp32_(fp32.model),
        quantized_(quantized),
        data_(data),
        layers_(coded_layers(fp32.model.graph, quantized.graph)) {
    for (const CodedLayer& layer : layers_) {
      errors_.layers.push_back({.name = layer.name,
                                .op_type = layer.op_type,
                                .depth = static_cast<int64_t>(layer.position),
                                .sqnr_db = std::numeric_limits<double>::quiet_NaN()});
    }
  }

  LayerErrors run() {
    if (layers_.empty()) {
      throw Error(ErrorCode::kInput,
                  "--layers: expected Q/DQ pairs in front of nodes that the FP32 model has, too; "
                  "found none in the quantized file");
    }
    measure_along();
    measure_alone();
    choose_exclusions(errors_);
    return std::move(errors_);
  }

 private:
  // Chunks of layers whose results fit into memory beside each other.
  std::vector<std::vector<size_t>> chunks(const Sample& sample) const {
    const Graph sized = sized_graph(fp32_, sample.inputs);
    const GraphIndex fp32(sized);
    std::vector<std::vector<size_t>> chunks;
    int64_t elements = 0;
    for (size_t i = 0; i < layers_.size(); ++i) {
      const std::string& value = layers_[i].fp32_value;
      if (value.empty() || fp32.dtype(value) != DType::kFloat) {
        continue;
      }
      const Shape* shape = fp32.shape(value);
      const bool known =
          shape != nullptr && std::ranges::none_of(*shape, [](int64_t n) { return n < 0; });
      const int64_t count = known ? element_count(*shape) : kChunkElements / 8;
      if (chunks.empty() || elements + count > kChunkElements) {
        chunks.emplace_back();
        elements = 0;
      }
      chunks.back().push_back(i);
      elements += count;
    }
    return chunks;
  }

  // What has piled up at each layer, over all samples.
  void measure_along() {
    const std::unique_ptr<SampleSource> first = open_samples(fp32_, data_);
    const std::optional<Sample> sample = first->next();
    if (!sample) {
      throw Error(ErrorCode::kInput, "--layers: expected samples, found none");
    }
    for (const std::vector<size_t>& chunk : chunks(*sample)) {
      std::vector<ValueInfo> fp32;
      std::vector<ValueInfo> file;
      for (const size_t layer : chunk) {
        fp32.push_back({.name = layers_[layer].fp32_value, .dtype = DType::kFloat});
        file.push_back({.name = layers_[layer].file_value, .dtype = DType::kFloat});
      }
      const Powers powers = compare_values(fp32, file);
      for (size_t k = 0; k < chunk.size(); ++k) {
        errors_.layers[chunk[k]].sqnr_db = powers[k].sqnr_db();
      }
    }
  }

  // As many samples at a time as there are threads, so that memory does not grow with the data.
  Powers compare_values(const std::vector<ValueInfo>& fp32, const std::vector<ValueInfo>& file) {
    const Session a = open_session(with_outputs(fp32_, fp32), {});
    const Session b = open_session(with_outputs(quantized_, file), {});
    const int threads = resolve_threads(data_.threads);
    const std::unique_ptr<SampleSource> source = open_samples(fp32_, data_);
    Powers sum(fp32.size());
    uint64_t count = 0;
    while (true) {
      check_stop(data_);
      std::vector<Sample> samples;
      while (samples.size() < static_cast<size_t>(threads)) {
        std::optional<Sample> sample = source->next();
        if (!sample) {
          break;
        }
        samples.push_back(std::move(*sample));
      }
      std::vector<Powers> found(samples.size());
      parallel_for(samples.size(), threads, [&](size_t i, int /*worker*/) {
        add_errors(a.run(samples[i].inputs), b.run(samples[i].inputs), found[i]);
      });
      for (const Powers& powers : found) {
        for (size_t k = 0; k < powers.size(); ++k) {
          sum[k] += powers[k];
        }
      }
      count += samples.size();
      if (data_.progress && count > 0) {
        data_.progress(count, source->size());
      }
      if (samples.size() < static_cast<size_t>(threads)) {
        break;
      }
    }
    errors_.samples = count;
    return sum;
  }

  void measure_alone() {
    const std::vector<Sample> samples = spread_samples(fp32_, data_, kAloneSamples);
    const Model measured = with_measured_outputs(fp32_);
    const Session session = open_session(measured, {});
    std::vector<std::vector<Tensor>> reference(samples.size());
    parallel_for(samples.size(), data_.threads,
                 [&](size_t i, int /*worker*/) { reference[i] = session.run(samples[i].inputs); });
    parallel_for(layers_.size(), resolve_threads(data_.threads), [&](size_t k, int /*worker*/) {
      check_stop(data_);
      const Session one = open_session(with_one_layer(measured, quantized_.graph, layers_[k]), {});
      Powers powers;
      for (size_t i = 0; i < samples.size(); ++i) {
        add_errors(reference[i], one.run(samples[i].inputs), powers);
      }
      errors_.layers[k].alone_sqnr_db = worst_db(powers);
    });
    errors_.alone_samples = samples.size();
    errors_.sqnr_db = whole_db(samples, reference, measured.graph.outputs);
  }

  // Everything quantized, at the same outputs where the file still has them.
  double whole_db(const std::vector<Sample>& samples,
                  const std::vector<std::vector<Tensor>>& reference,
                  const std::vector<ValueInfo>& outputs) const {
    const GraphIndex file(quantized_.graph);
    const bool kept = std::ranges::all_of(
        outputs, [&](const ValueInfo& output) { return file.producer(output.name) != nullptr; });
    if (!kept) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    const Session session = open_session(with_outputs(quantized_, outputs), {});
    Powers powers;
    for (size_t i = 0; i < samples.size(); ++i) {
      add_errors(reference[i], session.run(samples[i].inputs), powers);
    }
    return worst_db(powers);
  }

  const Model& fp32_;
  const Model& quantized_;
  const DataRequest& data_;
  std::vector<CodedLayer> layers_;
  LayerErrors errors_;
};

}  // namespace

LayerErrors layer_errors(const LoadedModel& fp32, const Model& quantized, const DataRequest& data) {
  return LayerSearch(fp32, quantized, data).run();
}

}  // namespace ptq
