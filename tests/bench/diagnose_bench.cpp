// What diagnosis predicts beside what is measured, for docs/diagnosis.md.
//
//   ptq_diagnose_bench MODEL CALIBRATION HELD_OUT [--image-spec SPEC] [--samples N] [--held N]
//
// Ranges come from the first N samples of CALIBRATION, everything measured from the first of
// HELD_OUT. Each observed value alone is replaced by its codes (four estimators, 8 and 4 bits), and
// the rest of the model behind it is run in float: SQNR of the value itself and of the output.
// Prints a line a value, estimator and width, and a summary.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench_arguments.h"
#include "core/parallel.h"
#include "data/sample_source.h"
#include "diagnose/noise_gain.h"
#include "graph/index.h"
#include "pipeline/measured_gains.h"
#include "pipeline/sample_moments.h"
#include "pipeline/sized_graph.h"
#include "plan/useful_interval.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"
#include "runtime/model_session.h"
#include "search/measured_outputs.h"

namespace ptq {
namespace {

struct Power {
  double signal = 0.0;
  double noise = 0.0;
  double db() const { return noise > 0.0 ? 10.0 * std::log10(signal / noise) : 200.0; }
};

void add(std::span<const float> x, std::span<const float> y, Power& power) {
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    const double e = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    power.signal += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    power.noise += e * e;
  }
}

// The part of the model behind `value`, and what it takes from the rest.
struct Behind {
  Model model;
  std::vector<std::string> operands;  // beside `value`
};

Behind part_behind(const Model& model, const std::string& value) {
  Behind part;
  part.model = model;
  std::set<std::string> changed = {value};
  part.model.graph.nodes.clear();
  for (const Node& node : model.graph.nodes) {
    if (std::ranges::any_of(node.inputs,
                            [&](const auto& name) { return changed.contains(name); })) {
      part.model.graph.nodes.push_back(node);
      changed.insert(node.outputs.begin(), node.outputs.end());
    }
  }
  const GraphIndex index(model.graph);
  std::set<std::string> operands;
  for (const Node& node : part.model.graph.nodes) {
    for (const std::string& name : node.inputs) {
      if (!name.empty() && !changed.contains(name) && index.constant(name) == nullptr) {
        operands.insert(name);
      }
    }
  }
  part.operands.assign(operands.begin(), operands.end());
  std::erase_if(part.model.graph.outputs, [&](const ValueInfo& output) {
    return !changed.contains(output.name) || output.name == value;
  });
  part.model.graph.value_infos.clear();
  std::set<std::string> read;
  for (const Node& node : part.model.graph.nodes) {
    read.insert(node.inputs.begin(), node.inputs.end());
  }
  std::erase_if(part.model.graph.initializers,
                [&](const Constant& constant) { return !read.contains(constant.name); });
  return part;
}

ValueInfo open_value(const std::string& name, const Tensor& tensor) {
  const auto rank = static_cast<size_t>(tensor.rank());
  return {.name = name,
          .dtype = tensor.dtype(),
          .has_shape = true,
          .shape = Shape(rank, -1),
          .symbols = std::vector<std::string>(rank)};
}

Tensor coded(const Tensor& tensor, const Range& range, const QuantScheme& scheme) {
  const QuantParams params = params_for_range(range.lo, range.hi, scheme);
  const CodeRange codes = code_range(scheme);
  Tensor out = tensor;
  for (float& x : out.mutable_data<float>()) {
    x = dequantize(quantize(x, params.scale[0], params.zero_point[0], codes), params.scale[0],
                   params.zero_point[0]);
  }
  return out;
}

struct Row {
  double predicted = 0.0;
  double measured = 0.0;
  double predicted_output = 0.0;
  double measured_output = 0.0;
};

struct Value {
  const LayerDiagnosis* layer = nullptr;
  std::map<std::pair<int, std::string>, Row> rows;
  bool at_output = true;  // false: nothing behind it could be measured
};

class Bench {
 public:
  explicit Bench(const BenchArguments& arguments)
      : loaded_(load_model(arguments.model)), measured_(with_measured_outputs(loaded_.model)) {
    const DataRequest calibration =
        request_for(arguments.calibration, arguments, arguments.samples);
    std::vector<std::string> warnings;
    stats_ = calibrate_model(loaded_, targets().front(), {}, calibration, warnings);
    QuantizeRequest request;
    sample_ = first_sample(loaded_, calibration);
    request.sample = sample_;
    sized_ = sized_graph(loaded_.model, request.sample);
    diagnosis_ = diagnose_layers(loaded_, stats_, request, {});
    request.samples = calibration;
    gains_ = measure_gains(loaded_.model, GraphIndex(sized_),
                           diagnose_model(loaded_, stats_, request), request);
    const std::unique_ptr<SampleSource> source =
        open_data({arguments.held_out}, input_specs(loaded_.model.graph),
                  request_for(arguments.held_out, arguments, arguments.held).options);
    while (std::optional<Sample> sample = source->next()) {
      samples_.push_back(std::move(sample->inputs));
    }
  }

  void run() {
    const GraphIndex sized(sized_);
    std::vector<std::string> outputs;
    for (const ValueInfo& output : measured_.graph.outputs) {
      outputs.push_back(output.name);
    }
    const NoiseGain gain(sized, stats_.tensors, outputs,
                         sample_moments(loaded_.model, sized, sample_), gains_.gains);
    std::set<std::string> seen;
    for (const LayerDiagnosis& layer : diagnosis_.layers) {
      if (layer.tensor && seen.insert(layer.tensor->name).second &&
          GraphIndex(loaded_.model.graph).dtype(layer.tensor->name) != DType::kInt64) {
        values_.emplace_back();
        values_.back().layer = &layer;
      }
    }
    parallel_for(values_.size(), 2,
                 [&](size_t i, int /*worker*/) { measure(values_[i], sized, gain); });
    std::erase_if(values_, [](const Value& value) { return value.rows.empty(); });
    print();
  }

 private:
  void measure(Value& value, const GraphIndex& sized, const NoiseGain& gain) {
    const std::string& name = value.layer->tensor->name;
    Behind part = part_behind(measured_, name);
    value.at_output = !part.model.graph.outputs.empty();
    Model front = loaded_.model;
    front.graph.outputs.clear();
    std::vector<std::string> wanted = part.operands;
    wanted.push_back(name);
    for (const std::string& each : wanted) {
      if (!samples_.front().contains(each)) {
        const DType dtype = sized.dtype(each);
        front.graph.outputs.push_back(
            {.name = each, .dtype = dtype == DType::kUndefined ? DType::kFloat : dtype});
      }
    }
    std::vector<std::map<std::string, Tensor>> feeds(samples_.size());
    std::optional<Session> session;
    if (!front.graph.outputs.empty()) {
      session.emplace(open_session(front, {}));
    }
    for (size_t i = 0; i < samples_.size(); ++i) {
      feeds[i] = samples_[i];
      if (session) {
        const std::vector<Tensor> results = session->run(samples_[i]);
        for (size_t k = 0; k < results.size(); ++k) {
          feeds[i][front.graph.outputs[k].name] = results[k];
        }
      }
    }
    if (feeds[0].at(name).dtype() != DType::kFloat) {
      return;
    }
    std::optional<Session> behind;
    std::vector<std::vector<Tensor>> reference(samples_.size());
    if (value.at_output) {
      part.model.graph.inputs.clear();
      for (const std::string& each : wanted) {
        part.model.graph.inputs.push_back(open_value(each, feeds[0].at(each)));
      }
      behind.emplace(open_session(part.model, {}));
      for (size_t i = 0; i < samples_.size(); ++i) {
        reference[i] = behind->run(feeds[i]);
      }
    }
    const double power = moments_of(stats_.tensors.at(name)).power;
    const double relative = gain.relative(name);
    const UsefulInterval useful = useful_interval(GraphIndex(loaded_.model.graph), name);
    for (const int bits : {8, 4}) {
      const QuantScheme scheme{.dtype = bits == 8 ? DType::kUint8 : DType::kUint4};
      for (const auto& [estimator, range] :
           bits == 8 ? value.layer->predicted_8 : value.layer->predicted_4) {
        Power own;
        std::vector<Power> output(part.model.graph.outputs.size());
        for (size_t i = 0; i < samples_.size(); ++i) {
          std::map<std::string, Tensor> changed = feeds[i];
          Tensor clean = feeds[i].at(name);
          changed[name] = coded(clean, range, scheme);
          for (float& x : clean.mutable_data<float>()) {
            x = std::clamp(x, useful.lo, useful.hi);
          }
          add(clean.data<float>(), changed[name].data<float>(), own);
          if (behind) {
            const std::vector<Tensor> results = behind->run(changed);
            for (size_t k = 0; k < results.size(); ++k) {
              if (results[k].dtype() == DType::kFloat) {
                add(reference[i][k].data<float>(), results[k].data<float>(), output[k]);
              }
            }
          }
        }
        Row row{.predicted = range.sqnr_db, .measured = own.db(), .measured_output = 200.0};
        for (const Power& each : output) {
          row.measured_output =
              each.signal > 0.0 ? std::min(row.measured_output, each.db()) : row.measured_output;
        }
        const double noise = power * relative * std::pow(10.0, -range.sqnr_db / 10.0);
        row.predicted_output = noise > 0.0 ? -10.0 * std::log10(noise) : 200.0;
        value.rows[{bits, estimator}] = row;
      }
    }
  }

  static std::vector<double> ranks(const std::vector<double>& values) {
    std::vector<size_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](size_t i) { return values[i]; });
    std::vector<double> rank(values.size());
    for (size_t i = 0; i < order.size(); ++i) {
      rank[order[i]] = static_cast<double>(i);
    }
    return rank;
  }

  static double spearman(const std::vector<double>& a, const std::vector<double>& b) {
    const std::vector<double> x = ranks(a);
    const std::vector<double> y = ranks(b);
    const auto n = static_cast<double>(a.size());
    double squares = 0.0;
    for (size_t i = 0; i < x.size(); ++i) {
      squares += (x[i] - y[i]) * (x[i] - y[i]);
    }
    return n < 2.0 ? 1.0 : 1.0 - 6.0 * squares / (n * (n * n - 1.0));
  }

  void print() const {
    for (const Value& value : values_) {
      for (const auto& [key, row] : value.rows) {
        std::puts(fmt::format("{}\t{}\t{}\t{:.2f}\t{:.2f}\t{:.2f}\t{:.2f}",
                              value.layer->tensor->name, key.first, key.second, row.predicted,
                              row.measured, row.predicted_output, row.measured_output)
                      .c_str());
      }
    }
    for (const int bits : {8, 4}) {
      for (const RangeEstimator& estimator : range_estimators()) {
        print_summary(bits, std::string(estimator.name));
      }
    }
  }

  void print_summary(int bits, const std::string& estimator) const {
    std::vector<double> predicted;
    std::vector<double> measured;
    double own = 0.0;
    double output = 0.0;
    double bias = 0.0;
    for (const Value& value : values_) {
      const Row& row = value.rows.at({bits, estimator});
      own += std::abs(row.predicted - row.measured) / static_cast<double>(values_.size());
      if (value.at_output && row.measured_output < 199.0 && row.predicted_output < 199.0) {
        predicted.push_back(row.predicted_output);
        measured.push_back(row.measured_output);
        output += std::abs(row.predicted_output - row.measured_output);
        bias += row.predicted_output - row.measured_output;
      }
    }
    const auto n = static_cast<double>(std::max<size_t>(1, predicted.size()));
    std::puts(fmt::format("# {} bits {:10} value: mean |error| {:.2f} dB; output of {} values: "
                          "Spearman {:.3f}, mean |error| {:.2f} dB, bias {:+.2f} dB",
                          bits, estimator, own, predicted.size(), spearman(predicted, measured),
                          output / n, bias / n)
                  .c_str());
  }

  LoadedModel loaded_;
  Model measured_;
  ActivationStats stats_;
  Graph sized_;
  std::map<std::string, Tensor> sample_;
  ModelDiagnosis diagnosis_;
  MeasuredGains gains_;
  std::vector<std::map<std::string, Tensor>> samples_;
  std::vector<Value> values_;
};

}  // namespace
}  // namespace ptq

int main(int argc, char** argv) {
  try {
    ptq::Bench(ptq::parse_bench_arguments(argc, argv)).run();
    return 0;
  } catch (const std::exception& error) {
    std::fputs(fmt::format("{}\n", error.what()).c_str(), stderr);
    return 1;
  }
}
