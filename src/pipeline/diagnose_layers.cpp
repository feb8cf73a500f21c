#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "core/parallel.h"
#include "diagnose/findings.h"
#include "diagnose/layer_findings.h"
#include "diagnose/pair_forecast.h"
#include "diagnose/weight_profile.h"
#include "graph/macs.h"
#include "graph/model_index.h"
#include "pipeline/layer_noise.h"
#include "pipeline/measured_gains.h"
#include "pipeline/observed_values.h"
#include "pipeline/sample_moments.h"
#include "pipeline/sized_graph.h"
#include "plan/decision_reason.h"
#include "plan/reduction_order.h"
#include "plan/weight_choice.h"
#include "ptq/error.h"
#include "ptq/pipeline.h"
#include "quant/weight_quantizer.h"
#include "search/measured_outputs.h"

namespace ptq {
namespace {

constexpr uint64_t kFewSamples = 16;

bool is_product(const Node& node) {
  return node.is("Conv") || node.is("ConvTranspose") || node.is("MatMul") || node.is("Gemm");
}

bool is_recurrent(const Node& node) {
  return node.is("LSTM") || node.is("GRU") || node.is("RNN");
}

// Weights that one output sums up.
double row_length(const Node& node, const Shape& shape) {
  const auto size = static_cast<double>(element_count(shape));
  const bool by_row = node.is("Conv") || (node.is("Gemm") && node.int_attribute("transB", 0) != 0);
  const int64_t outputs = by_row ? shape.at(0)
                          : node.is("ConvTranspose")
                              ? shape.at(1) * std::max<int64_t>(1, node.int_attribute("group", 1))
                              : shape.back();
  return outputs > 0 ? size / static_cast<double>(outputs) : 0.0;
}

class Layers {
 public:
  Layers(const LoadedModel& model, const ActivationStats& stats, const QuantizeRequest& request)
      : model_(model),
        request_(request),
        index_(model.model.graph),
        structures_(observed_structure(model.model.graph, stats, request)),
        wanted_(wanted_stats(model.model.graph,
                             measured_values(model.model.graph, structures_, stats), stats,
                             request)),
        sized_graph_(sized_graph(model.model, request.sample)),
        sized_(sized_graph_),
        values_(diagnose_values(wanted_, request)),
        gains_(measure_gains(model.model, sized_, values_, request)),
        noise_(index_[0], structures_[0], sized_, wanted_.stats.tensors, output_names(model),
               sample_moments(model.model, sized_, request.sample), gains_.gains) {
    for (const TensorDiagnosis& diagnosis : values_) {
      diagnoses_[diagnosis.name] = &diagnosis;
    }
  }

  std::vector<LayerDiagnosis> run() {
    for (size_t k = 0; k < index_.size(); ++k) {
      add_products(k);
    }
    add_other_values();
    for (LayerDiagnosis& layer : rows_) {
      if (layer.tensor && counted_.insert(layer.tensor->name).second) {
        layer.activation_noise += noise_.elsewhere(layer.tensor->name, layer.tensor->range.sqnr_db);
      }
    }
    predict();
    std::ranges::stable_sort(rows_, {}, &LayerDiagnosis::position);
    return std::move(rows_);
  }
  const MeasuredGains& gains() const { return gains_; }

 private:
  static std::vector<std::string> output_names(const LoadedModel& model) {
    std::vector<std::string> names;
    for (const ValueInfo& output : with_measured_outputs(model.model).graph.outputs) {
      names.push_back(output.name);
    }
    return names;
  }

  const TensorDiagnosis* diagnosis_of(std::string_view value) const {
    const auto found = diagnoses_.find(noise_.source_of(value));
    return found == diagnoses_.end() ? nullptr : found->second;
  }

  void add_products(size_t k) {
    const std::vector<Node>& nodes = index_[k].graph().nodes;
    for (size_t i = 0; i < nodes.size(); ++i) {
      ++position_;
      if (!is_product(nodes[i]) && !is_recurrent(nodes[i])) {
        continue;
      }
      const Decision decision = decide(nodes[i], i, structures_[k].nodes[i]);
      LayerDiagnosis row{.node = decision.label,
                         .op_type = nodes[i].op_type,
                         .product = is_product(nodes[i]),
                         .integer = decision.integer,
                         .decision = decision.reason,
                         .position = position_};
      row.macs = multiply_accumulates(nodes[i], k == 0 ? sized_ : index_[k]);
      for (size_t slot = 0; slot < std::min<size_t>(2, nodes[i].inputs.size()); ++slot) {
        add_operand(k, i, nodes[i].inputs[slot], row);
      }
      if (row.product) {
        add_weight(k, i, row);
      }
      rows_.push_back(std::move(row));
    }
  }

  void add_operand(size_t k, size_t i, const std::string& value, LayerDiagnosis& row) {
    const TensorDiagnosis* diagnosis = diagnosis_of(value);
    if (diagnosis == nullptr || index_[k].constant(value) != nullptr) {
      return;
    }
    if (!row.tensor || diagnosis->sqnr_db_8 < row.tensor->sqnr_db_8) {
      row.tensor = *diagnosis;
    }
    if (row.integer) {
      shown_.insert(diagnosis->name);
      const double db = diagnosis->range.sqnr_db;
      // Where a body's values go is not followed: noise there is taken to keep its ratio.
      row.activation_noise += k == 0           ? noise_.through_product(value, i, db)
                              : std::isinf(db) ? 0.0
                                               : std::pow(10.0, -db / 10.0);
    }
  }

  void add_weight(size_t k, size_t i, LayerDiagnosis& row) {
    const Node& node = index_[k].graph().nodes[i];
    const WeightSlot slot = weight_slot(node, index_[k], target_of(request_));
    const Constant* constant = index_[k].constant(node.input(slot.slot));
    if (!holds_numbers(constant)) {
      return;
    }
    const Shape& shape = constant->tensor.shape();
    const bool has_axis = slot.axis >= 0 && slot.axis < static_cast<int64_t>(shape.size());
    WeightProfile profile =
        profile_weight(constant->name, constant->tensor, has_axis ? slot.axis : -1);
    if (profile.finite && row.integer) {
      add_codes(k, i, *constant, slot.axis, profile);
    }
    const double length = shape.empty() ? 0.0 : row_length(node, shape);
    const auto noise = [&](double sqnr_db) {
      return k != 0 ? std::pow(10.0, -sqnr_db / 10.0)
                    : noise_.from_weight(node.input(0), node.outputs[0], length, profile.power,
                                         sqnr_db);
    };
    if (profile.finite) {
      row.weight_noise_8 = row.integer ? noise(profile.coded_db_8) : 0.0;
      row.channel_noise_4 = noise(profile.channel_db_4);
      row.group_noise_4 = noise(profile.group_db_4);
    }
    row.weight = std::move(profile);
  }

  // As the target would code the weight, and what plain INT8 codes would saturate.
  void add_codes(size_t k, size_t i, const Constant& constant, int64_t axis,
                 WeightProfile& profile) const {
    const Node& node = index_[k].graph().nodes[i];
    const Target& target = target_of(request_);
    const bool pairs = target.engine == Engine::kOnnxRuntime &&
                       target.activation.dtype == DType::kUint8 &&
                       adds_in_16_bits(node, constant.tensor.shape());
    const ReductionOrder order =
        pairs ? reduction_order(node, constant.tensor.shape()) : ReductionOrder{};
    const WeightChoice choice = choose_weight(constant.tensor, axis, order,
                                              request_.weight_form.value_or(target.weight_form));
    profile.coded_db_8 = quantize_weight(constant.tensor, choice.scheme, axis,
                                         {.order = order, .pair_limited = choice.pair_limited})
                             .sqnr_db;
    const TensorDiagnosis* activation = diagnosis_of(node.input(0));
    if (order.empty() || activation == nullptr) {
      return;
    }
    const QuantizedWeight plain =
        quantize_weight(constant.tensor, weight_scheme(WeightForm::kInt8), axis);
    const PairForecast forecast = forecast_pairs(
        plain.codes.data<int8_t>(), order,
        code_survival(
            wanted_.stats.tensors.at(activation->name),
            params_for_range(activation->range.lo, activation->range.hi, target.activation)));
    profile.largest_pair_sum = forecast.largest_pair_sum;
    profile.saturating_share = forecast.share;
  }

  void add_other_values() {
    for (const auto& [name, diagnosis] : diagnoses_) {
      if (shown_.contains(name)) {
        continue;
      }
      LayerDiagnosis row{
          .node = name, .op_type = "input", .integer = true, .tensor = *diagnosis, .macs = 0};
      size_t before = 0;
      for (size_t k = 0; k < index_.size(); ++k) {
        const size_t at = index_[k].producer_position(name);
        if (at != GraphIndex::npos) {
          const Node& node = index_[k].graph().nodes[at];
          row.op_type = node.op_type;
          row.position = before + at + 1;
          break;
        }
        before += index_[k].graph().nodes.size();
      }
      row.decision = "its codes are read by integer nodes that are no products";
      rows_.push_back(std::move(row));
    }
  }

  // All four estimators at both widths, for every row with an activation.
  void predict() {
    std::map<std::string, std::pair<std::map<std::string, Range>, std::map<std::string, Range>>>
        predicted;
    for (const LayerDiagnosis& row : rows_) {
      if (row.tensor) {
        predicted[row.tensor->name] = {};
      }
    }
    std::vector<std::string> names;
    for (const auto& [name, ranges] : predicted) {
      names.push_back(name);
    }
    const QuantScheme scheme = target_of(request_).activation;
    parallel_for(names.size(), resolve_threads(request_.threads), [&](size_t i, int /*worker*/) {
      const TensorStats& tensor = wanted_.stats.tensors.at(names[i]);
      auto& [eight, four] = predicted.at(names[i]);
      eight = predicted_ranges(tensor, scheme, 8, request_.policy.percentile);
      four = predicted_ranges(tensor, scheme, 4, request_.policy.percentile);
    });
    for (LayerDiagnosis& row : rows_) {
      if (row.tensor) {
        std::tie(row.predicted_8, row.predicted_4) = predicted.at(row.tensor->name);
      }
    }
  }

  const LoadedModel& model_;
  const QuantizeRequest& request_;
  ModelIndex index_;
  std::vector<Structure> structures_;
  WantedStats wanted_;
  Graph sized_graph_;
  GraphIndex sized_;
  std::vector<TensorDiagnosis> values_;
  MeasuredGains gains_;
  LayerNoise noise_;
  std::map<std::string, const TensorDiagnosis*> diagnoses_;  // by name, in values_
  std::set<std::string> shown_;                              // values in the row of a product
  std::set<std::string> counted_;  // values whose other readers are counted
  std::vector<LayerDiagnosis> rows_;
  size_t position_ = 0;
};

// Elements of the constants that the recurrent nodes of a graph read.
uint64_t recurrent_weights(const Node& node, const GraphIndex& index) {
  uint64_t sum = 0;
  for (size_t slot = 1; slot < std::min<size_t>(3, node.inputs.size()); ++slot) {
    const Constant* constant = index.constant(node.inputs[slot]);
    sum += constant == nullptr ? 0 : static_cast<uint64_t>(constant->tensor.size());
  }
  return sum;
}

ModelTraits traits_of(const Graph& main, std::span<const LayerDiagnosis> layers) {
  ModelTraits traits;
  OperatorCounts counts;
  const ModelIndex index(main);
  for (size_t k = 0; k < index.size(); ++k) {
    for (const Constant& constant : index[k].graph().initializers) {
      const DType dtype = constant.tensor.dtype();
      const bool is_float = dtype == DType::kFloat || dtype == DType::kFloat16 ||
                            dtype == DType::kBfloat16 || dtype == DType::kDouble;
      traits.parameters += is_float ? static_cast<uint64_t>(constant.tensor.size()) : 0;
    }
    for (const Node& node : index[k].graph().nodes) {
      counts.convolutions += node.is("Conv") || node.is("ConvTranspose") ? 1U : 0U;
      counts.softmaxes += node.is("Softmax") ? 1U : 0U;
      counts.attentions += node.op_type.find("Attention") != std::string::npos ? 1U : 0U;
      counts.recurrent += is_recurrent(node) ? 1U : 0U;
      traits.recurrent_parameters += is_recurrent(node) ? recurrent_weights(node, index[k]) : 0;
      counts.products_of_activations += node.is("MatMul") &&
                                                index[k].constant(node.input(0)) == nullptr &&
                                                index[k].constant(node.input(1)) == nullptr
                                            ? 1U
                                            : 0U;
    }
  }
  for (const LayerDiagnosis& layer : layers) {
    const uint64_t macs = layer.macs.value_or(0);
    traits.macs += macs;
    traits.convolution_macs += layer.op_type.starts_with("Conv") ? macs : 0;
    traits.unknown_products += layer.op_type != "input" && !layer.macs ? 1U : 0U;
  }
  traits.architecture = architecture_of(counts, traits);
  traits.size = size_class(traits.parameters);
  return traits;
}

void add_finding(DiagnosisCode code, std::string message, std::vector<DiagnosisFinding>& findings) {
  const DiagnosisRow& row = diagnosis_row(code);
  findings.push_back({std::string(row.code), std::string(row.severity), "", std::move(message)});
}

}  // namespace

ModelDiagnosis diagnose_layers(const LoadedModel& model, const ActivationStats& stats,
                               const QuantizeRequest& request, const VerdictRequest& wanted) {
  check_stats_belong(stats, model);
  check_keep_float(model.model.graph, request.keep_float);
  ModelDiagnosis out;
  Layers layers(model, stats, request);
  out.layers = layers.run();
  out.traits = traits_of(model.model.graph, out.layers);
  out.traits.samples = stats.samples();
  out.traits.probed_samples = layers.gains().samples;
  const WeightForm form = request.weight_form.value_or(target_of(request).weight_form);
  for (LayerDiagnosis& layer : out.layers) {
    const auto found = layer.tensor ? stats.tensors.find(layer.tensor->name) : stats.tensors.end();
    std::ranges::move(layer_findings(layer, found == stats.tensors.end() ? nullptr : &found->second,
                                     {.bits = wanted.bits,
                                      .percentile = request.policy.percentile,
                                      .pair_limit = form != WeightForm::kInt8}),
                      std::back_inserter(out.findings));
  }
  // Values that calibration was asked for and never saw have no row.
  for (const auto& [name, tensor] : stats.tensors) {
    if (tensor.count == 0) {
      const DiagnosisRow& row = diagnosis_row(DiagnosisCode::kNeverComputed);
      out.findings.push_back(
          {std::string(row.code), std::string(row.severity), name,
           tensor.nan + tensor.inf > 0 ? "no finite value was seen" : "no sample computed it"});
    }
  }
  if (out.traits.unknown_products > 0) {
    add_finding(DiagnosisCode::kUnknownWork,
                fmt::format("{} product(s) cannot be counted", out.traits.unknown_products),
                out.findings);
  }
  if (out.traits.samples < kFewSamples) {
    add_finding(DiagnosisCode::kFewSamples, fmt::format("{} sample(s)", out.traits.samples),
                out.findings);
  }
  if (out.traits.probed_samples == 0) {
    add_finding(DiagnosisCode::kEstimatedNoise, layers.gains().reason, out.findings);
  }
  out.verdict = judge_model(out.layers, out.traits, wanted);
  out.findings.insert(out.findings.begin(), out.verdict.findings.begin(),
                      out.verdict.findings.end());
  return out;
}

}  // namespace ptq
