#include "validate/output_matching.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "ptq/error.h"
#include "validate/output_sums.h"

namespace ptq {
namespace {

std::string names_of(const std::vector<ValueInfo>& values) {
  std::string text;
  for (const ValueInfo& value : values) {
    text += (text.empty() ? "" : ", ") + printable(value.name, 80);
  }
  return text;
}

// By name and type, whatever their order: samples are fed by name.
void check_inputs(const Session& fp32, const Session& quantized) {
  const auto keys = [](const Session& session) {
    std::vector<std::pair<std::string, DType>> all;
    for (const ValueInfo& input : session.inputs()) {
      all.emplace_back(input.name, input.dtype);
    }
    std::ranges::sort(all);
    return all;
  };
  if (keys(fp32) != keys(quantized)) {
    throw Error(ErrorCode::kInput,
                fmt::format("the two models differ in their inputs, by name or type: FP32 has "
                            "[{}], quantized has [{}]; give the model that was quantized from it",
                            names_of(fp32.inputs()), names_of(quantized.inputs())));
  }
}

double decibel(double signal, double noise) {
  return noise == 0.0 ? std::numeric_limits<double>::infinity() : 10.0 * std::log10(signal / noise);
}

}  // namespace

std::string InterfaceReport::text() const {
  for (const std::string* line : {&missing, &exchanged, &order, &shapes}) {
    if (!line->empty()) {
      return *line;
    }
  }
  return {};
}

std::vector<OutputPair> match_outputs(const Session& fp32, const Session& quantized,
                                      InterfaceReport& report) {
  check_inputs(fp32, quantized);
  const std::vector<ValueInfo>& left = fp32.outputs();
  const std::vector<ValueInfo>& right = quantized.outputs();
  std::vector<OutputPair> pairs;
  for (size_t i = 0; i < left.size(); ++i) {
    const auto found = std::ranges::find(right, left[i].name, &ValueInfo::name);
    if (found != right.end()) {
      pairs.push_back({left[i].name, i, static_cast<size_t>(found - right.begin())});
    }
  }
  const std::string both =
      fmt::format("FP32 has [{}], quantized has [{}]", names_of(left), names_of(right));
  if (pairs.empty()) {
    throw Error(ErrorCode::kInput,
                fmt::format("no output has the same name in both models: {}; give the model that "
                            "was quantized from it, with its names",
                            both));
  }
  if (pairs.size() != left.size() || pairs.size() != right.size()) {
    report.missing = "the models differ in their outputs: " + both;
  } else if (!std::ranges::is_sorted(pairs, {}, &OutputPair::quantized)) {
    report.order = "the outputs come in another order: " + both;
  }
  return pairs;
}

CrossErrors::CrossErrors(size_t outputs)
    : outputs_(outputs),
      sums_{.noise = std::vector<double>(outputs * outputs, 0.0),
            .signal = std::vector<double>(outputs, 0.0)} {}

CrossErrors::Table CrossErrors::measure(const std::vector<const Tensor*>& fp32,
                                        const std::vector<const Tensor*>& quantized) {
  const size_t count = fp32.size();
  Table table{.noise = std::vector<double>(count * count, std::numeric_limits<double>::quiet_NaN()),
              .signal = std::vector<double>(count, 0.0)};
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < count; ++j) {
      const bool comparable = fp32[i]->shape() == quantized[j]->shape() &&
                              bit_width(fp32[i]->dtype()) >= 8 &&
                              bit_width(quantized[j]->dtype()) >= 8;
      if (comparable) {
        const OutputSums sums = compare_values(*fp32[i], *quantized[j]);
        table.noise[i * count + j] = sums.noise;
        table.signal[i] = sums.signal;
      }
    }
  }
  return table;
}

void CrossErrors::add(const Table& table) {
  for (size_t k = 0; k < table.noise.size(); ++k) {
    sums_.noise[k] += table.noise[k];
  }
  for (size_t k = 0; k < table.signal.size(); ++k) {
    sums_.signal[k] += table.signal[k];
  }
}

std::string CrossErrors::exchanged(const std::vector<OutputPair>& pairs) const {
  constexpr double kFits = 10.0;       // dB
  constexpr double kFarBetter = 10.0;  // dB above the output's own place
  const auto sqnr = [&](size_t i, size_t j) {
    return decibel(sums_.signal[i], sums_.noise[i * outputs_ + j]);
  };
  const auto better = [&](size_t i, size_t j) {
    const double own = sqnr(i, i);
    const double other = sqnr(i, j);
    return other >= kFits && (std::isnan(own) || (other > own && other >= own + kFarBetter));
  };
  for (size_t i = 0; i < outputs_; ++i) {
    for (size_t j = i + 1; j < outputs_; ++j) {
      if (better(i, j) && better(j, i)) {
        return fmt::format(
            "the contents of the outputs {} and {} have changed places: each fits "
            "the other's FP32 values ({:.1f} and {:.1f} dB) and not its own",
            printable(pairs[i].name, 80), printable(pairs[j].name, 80), sqnr(i, j), sqnr(j, i));
      }
    }
  }
  return {};
}

}  // namespace ptq
