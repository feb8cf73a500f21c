#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "diagnose/findings.h"
#include "ptq/error.h"
#include "ptq/layer_diagnosis.h"

namespace ptq {
namespace {

// Points lost for noise as strong as the signal: measured losses lie below 20 points times noise by
// signal (docs/diagnosis.md).
constexpr double kPointsAtUnitNoise = 20.0;
// Mixed precision that keeps more than this share of the products, or of the work, is none.
constexpr double kMaxFloatShare = 0.3;

using NoiseOf = std::function<double(const LayerDiagnosis&)>;

double total(std::span<const LayerDiagnosis> layers, const NoiseOf& noise) {
  double sum = 0.0;
  for (const LayerDiagnosis& layer : layers) {
    sum += noise(layer);
  }
  return sum;
}

double decibel(double noise) {
  return noise <= 0.0 ? std::numeric_limits<double>::infinity() : -10.0 * std::log10(noise);
}

std::string db_text(double noise) {
  return noise <= 0.0 ? "no noise" : fmt::format("{:.1f} dB", decibel(noise));
}

double static_noise(const LayerDiagnosis& layer) {
  return layer.activation_noise + layer.weight_noise_8;
}

// The products to keep above the bit-width so that the rest stays within the budget, the noisiest
// first; nothing when that takes too many. `kept_noise`: what a kept layer still costs.
std::vector<size_t> layers_to_keep(std::span<const LayerDiagnosis> layers, const NoiseOf& noise,
                                   const NoiseOf& kept_noise, double budget) {
  std::vector<size_t> order;
  uint64_t macs = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    macs += layers[i].product ? layers[i].macs.value_or(0) : 0;
    if (layers[i].product && noise(layers[i]) > 0.0) {
      order.push_back(i);
    }
  }
  std::ranges::stable_sort(order, std::greater<>(), [&](size_t i) { return noise(layers[i]); });
  const auto limit =
      std::max<size_t>(1, static_cast<size_t>(kMaxFloatShare * static_cast<double>(order.size())));
  double left = total(layers, noise);
  uint64_t kept_macs = 0;
  std::vector<size_t> kept;
  for (const size_t i : order) {
    if (predicted_loss(left) <= budget || kept.size() == limit) {
      break;
    }
    left += kept_noise(layers[i]) - noise(layers[i]);
    kept_macs += layers[i].macs.value_or(0);
    kept.push_back(i);
  }
  const bool too_much = static_cast<double>(kept_macs) > kMaxFloatShare * static_cast<double>(macs);
  if (predicted_loss(left) > budget || (too_much && kept.size() > 1)) {
    return {};
  }
  return kept;
}

class Judge {
 public:
  Judge(std::span<const LayerDiagnosis> layers, const ModelTraits& traits,
        const VerdictRequest& request)
      : layers_(layers), traits_(traits), request_(request) {}

  Verdict run() {
    step(fmt::format("target: {}", request_.bits == 8
                                       ? "8 bits, static ranges of activations, weights by channel"
                                       : "4 bits for weights, activations in float"));
    step(fmt::format("architecture: {}, {} ({:.3g} M parameters, {} M multiply-accumulates{})",
                     traits_.architecture, traits_.size,
                     static_cast<double>(traits_.parameters) / 1e6,
                     fmt::format("{:.3g}", static_cast<double>(traits_.macs) / 1e6),
                     traits_.unknown_products == 0
                         ? ""
                         : fmt::format(", {} product(s) unknown", traits_.unknown_products)));
    if (request_.bits == 8) {
      judge_8();
    } else {
      judge_4();
    }
    if (traits_.probed_samples > 0) {
      step(fmt::format("what noise on each value does to the output was measured on {} sample(s)",
                       traits_.probed_samples));
    } else if (traits_.architecture == "transformer" && verdict_.loss_static > request_.budget) {
      step(
          "estimates for transformers are often 10 dB and more too noisy (docs/diagnosis.md): give "
          "samples with --data, or measure with `ptq quantize` and `ptq validate`, before paying "
          "for this");
    }
    verdict_.sqnr_db = decibel(verdict_.noise);
    verdict_.loss = predicted_loss(verdict_.noise);
    return std::move(verdict_);
  }

 private:
  void step(std::string text) { verdict_.steps.push_back(std::move(text)); }
  bool fits(double noise) const { return predicted_loss(noise) <= request_.budget; }

  void noise_step(std::string_view what, double noise) {
    step(fmt::format("noise at the output, {}: {}, at most {:.2g} points lost; budget {:g}: {}",
                     what, db_text(noise), predicted_loss(noise), request_.budget,
                     fits(noise) ? "within" : "beyond"));
  }

  void answer(Answer answer, double noise, std::string sentence) {
    verdict_.answer = answer;
    verdict_.noise = noise;
    verdict_.sentence = std::move(sentence);
  }

  void find(DiagnosisCode code, std::string message) {
    const DiagnosisRow& row = diagnosis_row(code);
    verdict_.findings.push_back(
        {std::string(row.code), std::string(row.severity), "", std::move(message)});
  }

  // Answers mixed precision if few layers suffice.
  bool keep_some(const NoiseOf& noise, const NoiseOf& kept_noise, std::string_view form) {
    const std::vector<size_t> kept = layers_to_keep(layers_, noise, kept_noise, request_.budget);
    if (kept.empty()) {
      return false;
    }
    double left = total(layers_, noise);
    for (const size_t i : kept) {
      left += kept_noise(layers_[i]) - noise(layers_[i]);
      verdict_.float_layers.push_back(layers_[i].node);
    }
    noise_step(fmt::format("{} product(s) kept in {}", kept.size(), form), left);
    answer(Answer::kMixedPrecision, left,
           fmt::format("mixed precision: {} of the products in {}, the rest in {} bits",
                       kept.size(), form, request_.bits));
    find(DiagnosisCode::kMixedPrecision,
         fmt::format("{} carries most of the predicted noise ({} alone)",
                     printable(layers_[kept[0]].node, 60), db_text(noise(layers_[kept[0]]))));
    return true;
  }

  void over_budget(double noise) {
    answer(Answer::kTrainWithQuantization, noise,
           fmt::format("post-training quantization to {} bits will not do: train with quantization",
                       request_.bits));
    find(DiagnosisCode::kOverBudget,
         fmt::format("predicted {} at the output, up to {:.2g} points lost, budget {:g}",
                     db_text(noise), predicted_loss(noise), request_.budget));
  }

  void judge_8() {
    const double all = total(layers_, static_noise);
    const double weights =
        total(layers_, [](const LayerDiagnosis& layer) { return layer.weight_noise_8; });
    verdict_.loss_static = predicted_loss(all);
    noise_step("all products in 8 bits", all);
    if (2 * traits_.recurrent_parameters > traits_.parameters) {
      const double share = 100.0 * static_cast<double>(traits_.recurrent_parameters) /
                           static_cast<double>(std::max<uint64_t>(1, traits_.parameters));
      step(
          fmt::format("recurrent operators hold {:.0f} % of the weights, static integer kernels "
                      "do not exist for them",
                      share));
      answer(Answer::kDynamicOrWeightOnly, weights,
             "dynamic or weight-only: static quantization leaves the recurrent part in float");
      find(DiagnosisCode::kDynamicOrWeightOnly,
           fmt::format("{:.0f} % of the weights belong to recurrent operators", share));
      return;
    }
    if (fits(all)) {
      answer(Answer::kInt8PerChannel, all, "ship INT8 with one scale a channel");
      return;
    }
    const NoiseOf none = [](const LayerDiagnosis& /*layer*/) { return 0.0; };
    if (keep_some(static_noise, none, "float")) {
      return;
    }
    noise_step("weights alone", weights);
    if (fits(weights)) {
      answer(Answer::kDynamicOrWeightOnly, weights,
             traits_.architecture == "convolutional"
                 ? "weight-only, or dynamic where that is not slower than float: static ranges of "
                   "the activations cost too much"
                 : "dynamic or weight-only: static ranges of the activations cost too much");
      find(DiagnosisCode::kDynamicOrWeightOnly,
           fmt::format("static {}, weights alone {}", db_text(all), db_text(weights)));
      return;
    }
    over_budget(all);
  }

  void judge_4() {
    const NoiseOf by_channel = [](const LayerDiagnosis& layer) { return layer.channel_noise_4; };
    const NoiseOf by_group = [](const LayerDiagnosis& layer) { return layer.group_noise_4; };
    const NoiseOf in_8 = [](const LayerDiagnosis& layer) { return layer.weight_noise_8; };
    const double channel = total(layers_, by_channel);
    const double group = total(layers_, by_group);
    verdict_.loss_static = predicted_loss(channel);
    if (2 * traits_.convolution_macs > traits_.macs) {
      step(
          fmt::format("convolutions do {:.0f} % of the work; ONNX Runtime has INT4 kernels for "
                      "MatMul only, so 4 bits save size there, not time",
                      100.0 * static_cast<double>(traits_.convolution_macs) /
                          static_cast<double>(std::max<uint64_t>(1, traits_.macs))));
    }
    noise_step("a scale for each channel", channel);
    if (fits(channel)) {
      answer(Answer::kInt4PerChannel, channel, "INT4 weights with one scale a channel will do");
      return;
    }
    noise_step("a scale for each 32 weights", group);
    if (fits(group)) {
      answer(Answer::kInt4GroupWise, group, "needs group-wise INT4 (32 weights a scale)");
      find(DiagnosisCode::kGroupWise,
           fmt::format("by channel {}, by group {}", db_text(channel), db_text(group)));
      return;
    }
    if (!keep_some(by_group, in_8, "8 bits")) {
      over_budget(group);
    }
  }

  std::span<const LayerDiagnosis> layers_;
  const ModelTraits& traits_;
  const VerdictRequest& request_;
  Verdict verdict_;
};

}  // namespace

std::string architecture_of(const OperatorCounts& counts, const ModelTraits& traits) {
  if (2 * traits.recurrent_parameters > traits.parameters ||
      (counts.recurrent > 0 && counts.convolutions == 0 && counts.softmaxes == 0)) {
    return "recurrent";
  }
  if (counts.attentions > 0 || (counts.products_of_activations >= 2 && counts.softmaxes > 0)) {
    return "transformer";
  }
  return counts.convolutions > 0 ? "convolutional" : "feed-forward";
}

std::string size_class(uint64_t parameters) {
  return parameters < 5'000'000 ? "small" : parameters < 25'000'000 ? "medium" : "redundant";
}

std::string_view answer_name(Answer answer) {
  constexpr std::array<std::string_view, 6> kNames = {
      "int8-per-channel", "int4-per-channel",       "int4-group-wise",
      "mixed-precision",  "dynamic-or-weight-only", "train-with-quantization"};
  return kNames.at(static_cast<size_t>(answer));
}

double predicted_loss(double noise) {
  return std::min(100.0, kPointsAtUnitNoise * std::max(0.0, noise));
}

Verdict judge_model(std::span<const LayerDiagnosis> layers, const ModelTraits& traits,
                    const VerdictRequest& request) {
  if (request.bits != 8 && request.bits != 4) {
    throw Error(ErrorCode::kUsage, fmt::format("expected 8 or 4 bits, found {}", request.bits));
  }
  if (!(request.budget >= 0.0) || std::isinf(request.budget)) {
    throw Error(ErrorCode::kUsage, fmt::format("expected a budget of 0 or more points of "
                                               "accuracy, found {}",
                                               request.budget));
  }
  return Judge(layers, traits, request).run();
}

}  // namespace ptq
