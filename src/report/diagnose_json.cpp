// A diagnosis as JSON.

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "report/calibration_set_report.h"
#include "report/compact_histogram.h"
#include "report/diagnose_report.h"
#include "report/json_document.h"
#include "report/json_rows.h"

namespace ptq {
namespace {

Json optional_count(const std::optional<uint64_t>& count) {
  return count ? Json(*count) : Json("unknown");
}

Json ranges_json(const std::map<std::string, Range>& ranges) {
  Json out = Json::object();
  for (const auto& [name, range] : ranges) {
    out[name] = range_json(range);
  }
  return out;
}

Json weight_json(const WeightProfile& weight) {
  Json absmax = Json::array();
  for (const float value : weight.channel_absmax) {  // the shortest decimals of a float
    absmax.push_back(Json::parse(fmt::format("{:.4g}", value)));
  }
  return {{"name", weight.name},
          {"channels", weight.channels},
          {"values", weight.values},
          {"finite", weight.finite},
          {"spread", number(weight.spread)},
          {"dead_channels", weight.dead_channels},
          {"channel_absmax", std::move(absmax)},
          {"sqnr_db_8_channel", number(weight.channel_db_8)},
          {"sqnr_db_8_coded", number(weight.coded_db_8)},
          {"sqnr_db_4_channel", number(weight.channel_db_4)},
          {"sqnr_db_4_group", number(weight.group_db_4)},
          {"largest_pair_sum", weight.largest_pair_sum},
          {"saturating_share", number(weight.saturating_share)}};
}

Json layer_json(const LayerDiagnosis& layer) {
  Json row = {{"node", layer.node},
              {"op_type", layer.op_type},
              {"position", layer.position},
              {"product", layer.product},
              {"integer", layer.integer},
              {"decision", layer.decision},
              {"macs", optional_count(layer.macs)},
              {"activation", layer.tensor ? Json(layer.tensor->name) : Json(nullptr)}};
  row["tensor"] = layer.tensor ? diagnosis_row_json(*layer.tensor) : Json(nullptr);
  row["predicted_8bit"] = ranges_json(layer.predicted_8);
  row["predicted_4bit"] = ranges_json(layer.predicted_4);
  row["weight"] = layer.weight ? weight_json(*layer.weight) : Json(nullptr);
  row["noise"] = {{"activation", number(layer.activation_noise)},
                  {"weight_8bit", number(layer.weight_noise_8)},
                  {"weight_4bit_channel", number(layer.channel_noise_4)},
                  {"weight_4bit_group", number(layer.group_noise_4)}};
  row["findings"] = layer.codes;
  return row;
}

Json findings_json(const std::vector<DiagnosisFinding>& findings) {
  Json out = Json::array();
  for (const DiagnosisFinding& finding : findings) {
    out.push_back({{"code", finding.code},
                   {"severity", finding.severity},
                   {"layer", finding.layer},
                   {"message", finding.message}});
  }
  return out;
}

constexpr size_t kMostIndices = 64;  // of channels of one kind; the counts are not cut

Json channels_json(const ChannelActivity& activity) {
  const auto indices = [](const std::vector<int64_t>& all) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kMostIndices));
    return std::vector<int64_t>(all.begin(), end);
  };
  Json still = Json::array();
  for (const StillChannels& value : activity.values) {
    still.push_back({{"activation", value.value},
                     {"channels", value.channels},
                     {"zero_count", value.zero.size()},
                     {"zero", indices(value.zero)},
                     {"constant_count", value.constant.size()},
                     {"constant", indices(value.constant)}});
  }
  return {{"samples", activity.samples}, {"still", std::move(still)}};
}

using TensorsByName = std::map<std::string, const TensorDiagnosis*>;

Json summary_json(const ModelDiagnosis& diagnosis, const TensorsByName& tensors) {
  std::map<std::string, uint64_t> severities;
  std::map<std::string, uint64_t> estimators;
  for (const auto& [name, tensor] : tensors) {
    ++severities[tensor->severity];
    ++estimators[tensor->estimator];
  }
  return {{"layers", diagnosis.layers.size()},
          {"tensors", tensors.size()},
          {"severity", severities},
          {"estimators", estimators},
          {"samples", diagnosis.traits.samples}};
}

Json traits_json(const ModelTraits& traits) {
  return {{"architecture", traits.architecture},
          {"size", traits.size},
          {"parameters", traits.parameters},
          {"recurrent_parameters", traits.recurrent_parameters},
          {"macs", traits.macs},
          {"convolution_macs", traits.convolution_macs},
          {"unknown_products", traits.unknown_products},
          {"probed_samples", traits.probed_samples}};
}

Json verdict_json(const Verdict& verdict, const DiagnosisContext& context) {
  return {{"answer", answer_name(verdict.answer)},
          {"sentence", verdict.sentence},
          {"bits", context.request.bits},
          {"budget_points", number(context.request.budget)},
          {"noise", number(verdict.noise)},
          {"sqnr_db", number(verdict.sqnr_db)},
          {"loss_points", number(verdict.loss)},
          {"loss_points_all_products", number(verdict.loss_static)},
          {"steps", verdict.steps},
          {"float_layers", verdict.float_layers},
          {"command", context.command}};
}

// The hardest first; these with their histograms, as far as `stats` has them.
Json tensors_json(const TensorsByName& tensors, const ActivationStats* stats) {
  std::vector<const TensorDiagnosis*> hardest;
  for (const auto& [name, tensor] : tensors) {
    hardest.push_back(tensor);
  }
  std::ranges::stable_sort(hardest, {}, &TensorDiagnosis::sqnr_db_8);
  Json out = Json::array();
  size_t histograms = 0;
  for (const TensorDiagnosis* tensor : hardest) {
    Json row = diagnosis_row_json(*tensor);
    if (stats != nullptr && histograms < kCompactHistograms) {
      const auto found = stats->tensors.find(tensor->name);
      if (found != stats->tensors.end() && found->second.count > 0) {
        row["histogram"] = histogram_json(compact_histogram(found->second));
        ++histograms;
      }
    }
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace

std::string layers_json(const ReportHeader& header, const ModelDiagnosis& diagnosis,
                        const DiagnosisContext& context) {
  Json document = start_document(header);
  std::map<std::string, const TensorDiagnosis*> tensors;
  for (const LayerDiagnosis& layer : diagnosis.layers) {
    if (layer.tensor) {
      tensors.emplace(layer.tensor->name, &*layer.tensor);
    }
  }
  document["summary"] = summary_json(diagnosis, tensors);
  document["traits"] = traits_json(diagnosis.traits);
  document["verdict"] = verdict_json(diagnosis.verdict, context);
  document["findings"] = findings_json(diagnosis.findings);
  document["calibration_set"] = calibration_set_json(*context.set);
  document["channels"] = channels_json(diagnosis.channels);
  document["layers"] = Json::array();
  for (const LayerDiagnosis& layer : diagnosis.layers) {
    document["layers"].push_back(layer_json(layer));
  }
  document["tensors"] = tensors_json(tensors, context.stats);
  return dump(document);
}

}  // namespace ptq
