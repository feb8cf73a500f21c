#include "diagnose/layer_findings.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "diagnose/findings.h"
#include "ptq/error.h"

namespace ptq {
namespace {

constexpr double kLongTailRatio = 10.0;
constexpr double kLongTailExcess = 3.0;  // times what a light tail would show
constexpr double kMostlyZero = 0.9;
constexpr double kValuesAbovePercentile = 10.0;
constexpr double kWideSpread = 20.0;
constexpr double kHardWeightDb8 = 25.0;
constexpr double kHardWeightDb4 = 12.0;

class Finder {
 public:
  explicit Finder(LayerDiagnosis& layer) : layer_(layer) {}

  void add(DiagnosisCode code, std::string message) {
    const DiagnosisRow& row = diagnosis_row(code);
    layer_.codes.emplace_back(row.code);
    const bool about_tensor = row.finding < DiagnosisCode::kChannelSpread && layer_.tensor;
    found_.push_back({std::string(row.code), std::string(row.severity),
                      about_tensor ? layer_.tensor->name : layer_.node, std::move(message)});
  }

  void look_at_values(const TensorStats& stats, const FindingContext& context) {
    if (stats.nan + stats.inf > 0) {
      add(DiagnosisCode::kNotFinite, fmt::format("{} NaN and {} infinite values beside {} finite",
                                                 stats.nan, stats.inf, stats.count));
    }
    if (stats.count == 0) {
      add(DiagnosisCode::kNeverComputed, "no finite value was seen");
      return;
    }
    const double above = static_cast<double>(stats.count) * (1.0 - context.percentile / 100.0);
    if (context.percentile < 100.0 && above < kValuesAbovePercentile * (1.0 - 1e-9)) {
      add(DiagnosisCode::kFewValues, fmt::format("{} values leave {:.2g} above percentile {}",
                                                 stats.count, above, context.percentile));
    }
    if (stats.min == stats.max) {
      if (stats.max == 0.0F) {
        add(DiagnosisCode::kAllZero, fmt::format("{} values, all zero", stats.count));
      } else {
        add(DiagnosisCode::kConstantTensor,
            fmt::format("{} values, all {:.6g}", stats.count, stats.max));
      }
      return;
    }
    const float low = std::min(std::abs(stats.min), std::abs(stats.max));
    const float high = std::max(std::abs(stats.min), std::abs(stats.max));
    if ((stats.min > 0.0F) == (stats.max > 0.0F) && stats.min != 0.0F && low > high / 2.0F) {
      add(DiagnosisCode::kFarFromZero,
          fmt::format("all values lie in [{:.4g}, {:.4g}]", stats.min, stats.max));
    }
  }

  void look_at_shape(const TensorDiagnosis& tensor) {
    if (tensor.outlier_ratio > kLongTailRatio &&
        tensor.outlier_ratio > kLongTailExcess * tensor.expected_ratio) {
      add(DiagnosisCode::kLongTail,
          fmt::format("outlier ratio {:.1f}, a light tail would have {:.1f}", tensor.outlier_ratio,
                      tensor.expected_ratio));
    }
    if (tensor.severity == "hard") {
      add(DiagnosisCode::kHardTensor,
          fmt::format("best of the estimators {:.1f} dB at 8 bits", tensor.sqnr_db_8));
    }
    if (tensor.zero_share >= kMostlyZero && tensor.zero_share < 1.0) {
      add(DiagnosisCode::kMostlyZero,
          fmt::format("{:.1f} % of the values are zero", 100.0 * tensor.zero_share));
    }
  }

  void look_at_weight(const WeightProfile& weight, const FindingContext& context) {
    if (!weight.finite) {
      add(DiagnosisCode::kNotFiniteWeight, fmt::format("weight {}", printable(weight.name, 60)));
      return;
    }
    if (weight.spread >= kWideSpread) {
      add(DiagnosisCode::kChannelSpread,
          fmt::format("largest of {} channels is {:.1f} times the median", weight.channels,
                      weight.spread));
    }
    if (weight.dead_channels > 0) {
      add(DiagnosisCode::kDeadChannels,
          fmt::format("{} of {} channels", weight.dead_channels, weight.channels));
    }
    if (!context.pair_limit && weight.saturating_share > 0.0) {
      add(DiagnosisCode::kSaturatingWeight,
          fmt::format("pair sums reach {}, up to {:.2g} % of them saturate",
                      weight.largest_pair_sum, 100.0 * weight.saturating_share));
    }
    const double db = context.bits == 8 ? weight.channel_db_8 : weight.channel_db_4;
    if (db < (context.bits == 8 ? kHardWeightDb8 : kHardWeightDb4)) {
      add(DiagnosisCode::kHardWeight,
          fmt::format("{:.1f} dB at {} bits with a scale for each channel", db, context.bits));
    }
  }

  std::vector<DiagnosisFinding> take() { return std::move(found_); }

 private:
  LayerDiagnosis& layer_;
  std::vector<DiagnosisFinding> found_;
};

bool is_recurrent(const std::string& op_type) {
  return op_type == "LSTM" || op_type == "GRU" || op_type == "RNN";
}

}  // namespace

std::vector<DiagnosisFinding> layer_findings(LayerDiagnosis& layer, const TensorStats* stats,
                                             const FindingContext& context) {
  Finder finder(layer);
  if (stats != nullptr) {
    finder.look_at_values(*stats, context);
  }
  if (layer.tensor && stats != nullptr && stats->count > 0) {
    finder.look_at_shape(*layer.tensor);
  }
  if (layer.weight) {
    finder.look_at_weight(*layer.weight, context);
  }
  if (is_recurrent(layer.op_type)) {
    finder.add(DiagnosisCode::kRecurrent, layer.op_type + " has no static integer kernel");
  } else if (layer.product && !layer.weight && !layer.integer) {
    finder.add(DiagnosisCode::kTwoActivations, layer.decision);
  }
  return finder.take();
}

}  // namespace ptq
