#include "quant/weight_quantizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "ptq/error.h"
#include "quant/mean_rounding.h"

namespace ptq {
namespace {

// Row-major tensor seen as [outer, channels, inner] around an axis.
struct AxisView {
  size_t outer = 1;
  size_t channels = 1;
  size_t inner = 1;
};

AxisView view_axis(const Shape& shape, int64_t axis) {
  AxisView view;
  if (axis < 0) {
    view.inner = static_cast<size_t>(element_count(shape));
    return view;
  }
  for (size_t i = 0; i < shape.size(); ++i) {
    const auto dim = static_cast<size_t>(shape[i]);
    if (i < static_cast<size_t>(axis)) {
      view.outer *= dim;
    } else if (i == static_cast<size_t>(axis)) {
      view.channels = dim;
    } else {
      view.inner *= dim;
    }
  }
  return view;
}

template <typename Body>
void for_each_channel_run(const AxisView& view, Body body) {
  for (size_t o = 0; o < view.outer; ++o) {
    for (size_t c = 0; c < view.channels; ++c) {
      body(c, (o * view.channels + c) * view.inner, view.inner);
    }
  }
}

std::vector<float> channel_absmax(const std::vector<float>& values, const AxisView& view) {
  std::vector<float> absmax(view.channels, 0.0F);
  for_each_channel_run(view, [&](size_t c, size_t first, size_t count) {
    for (size_t i = first; i < first + count; ++i) {
      absmax[c] = std::max(absmax[c], std::abs(values[i]));
    }
  });
  return absmax;
}

// `values`, all of which must be finite; `what` is the plural noun of the message.
std::vector<float> finite_floats(const Tensor& tensor, std::string_view what) {
  std::vector<float> values = to_floats(tensor);
  const auto bad = std::ranges::find_if(values, [](float v) { return !std::isfinite(v); });
  if (bad != values.end()) {
    throw Error(ErrorCode::kInput, fmt::format("expected finite {}, found {} at flat index {}; "
                                               "repair the model",
                                               what, *bad, bad - values.begin()));
  }
  return values;
}

bool is_float_type(DType dtype) {
  return dtype == DType::kFloat || dtype == DType::kFloat16 || dtype == DType::kBfloat16 ||
         dtype == DType::kDouble;
}

template <typename Code>
void round_codes(const std::vector<float>& values, const AxisView& view, const QuantParams& params,
                 CodeRange codes, std::span<Code> out) {
  for_each_channel_run(view, [&](size_t c, size_t first, size_t count) {
    for (size_t i = first; i < first + count; ++i) {
      out[i] = static_cast<Code>(quantize(values[i], params.scale[c], params.zero_point[c], codes));
    }
  });
}

// Second step for weights whose rows are known: pair limits and means of the rows that share scale
// number `s`.
template <typename Code>
void refine_rows(const std::vector<float>& values, const WeightOptions& options, CodeRange codes,
                 size_t s, QuantParams& params, std::span<Code> out) {
  const ReductionOrder& order = options.order;
  const bool one_scale = params.scale.size() == 1;
  const size_t begin = one_scale ? 0 : s;
  const size_t end = one_scale ? order.first.size() : s + 1;
  std::vector<std::vector<float>> rows;
  for (size_t c = begin; c < end; ++c) {
    std::vector<float>& row = rows.emplace_back();
    row.reserve(order.step.size());
    for (const size_t step : order.step) {
      row.push_back(values.at(order.first[c] + step));
    }
  }
  if (options.pair_limited) {
    params.scale[s] = pair_limited_scale(rows, params.scale[s]);
  }
  const int32_t middle = params.zero_point[s];
  std::vector<int32_t> row_codes(order.step.size());
  for (size_t c = begin; c < end; ++c) {
    std::vector<float>& row = rows[c - begin];
    for (size_t k = 0; k < row.size(); ++k) {
      row[k] /= params.scale[s];
      row_codes[k] = out[order.first[c] + order.step[k]] - middle;
    }
    if (options.pair_limited) {
      round_pair_limited(row, row_codes);
    }
    keep_row_mean(row, row_codes, {codes.lo - middle, codes.hi - middle}, options.pair_limited,
                  options.mean_ratio);
    for (size_t k = 0; k < row.size(); ++k) {
      out[order.first[c] + order.step[k]] = static_cast<Code>(row_codes[k] + middle);
    }
  }
}

template <typename Code>
void quantize_codes(const std::vector<float>& values, const AxisView& view,
                    const WeightOptions& options, CodeRange codes, QuantParams& params,
                    std::span<Code> out) {
  round_codes<Code>(values, view, params, codes, out);
  if (options.order.empty() || (!options.pair_limited && options.mean_ratio <= 0.0)) {
    return;
  }
  PTQ_CHECK(params.scale.size() == 1 || params.scale.size() == options.order.first.size());
  for (size_t s = 0; s < params.scale.size(); ++s) {
    refine_rows<Code>(values, options, codes, s, params, out);
  }
}

template <typename Code>
double sqnr_of_codes(const std::vector<float>& values, const AxisView& view,
                     const QuantParams& params, std::span<const Code> codes) {
  double signal = 0.0;
  double noise = 0.0;
  for_each_channel_run(view, [&](size_t c, size_t first, size_t count) {
    for (size_t i = first; i < first + count; ++i) {
      const double error =
          static_cast<double>(values[i]) -
          static_cast<double>(dequantize(codes[i], params.scale[c], params.zero_point[c]));
      signal += static_cast<double>(values[i]) * static_cast<double>(values[i]);
      noise += error * error;
    }
  });
  return noise == 0.0 ? std::numeric_limits<double>::infinity() : 10.0 * std::log10(signal / noise);
}

}  // namespace

QuantizedWeight quantize_weight(const Tensor& weight, const QuantScheme& scheme, int64_t axis,
                                const WeightOptions& options) {
  PTQ_CHECK(scheme.symmetric && axis >= -1 && axis < weight.rank());
  if (!is_float_type(weight.dtype())) {
    throw Error(ErrorCode::kInput, fmt::format("expected weights of a float type, found {}",
                                               dtype_name(weight.dtype())));
  }
  const std::vector<float> values = finite_floats(weight, "weights");
  const AxisView view = view_axis(weight.shape(), axis);
  QuantParams params{.dtype = scheme.dtype, .axis = axis};
  for (const float absmax : channel_absmax(values, view)) {
    const QuantParams channel = params_for_range(-absmax, absmax, scheme);
    params.scale.push_back(channel.scale[0]);
    params.zero_point.push_back(channel.zero_point[0]);
  }
  if (!options.lowest_scale.empty()) {
    PTQ_CHECK(options.lowest_scale.size() == params.scale.size());
    for (size_t c = 0; c < params.scale.size(); ++c) {
      params.scale[c] = std::max(params.scale[c], options.lowest_scale[c]);
    }
  }
  QuantizedWeight result{.codes = Tensor(scheme.dtype, weight.shape()), .params = params};
  if (scheme.dtype == DType::kInt8) {
    const std::span<int8_t> codes = result.codes.mutable_data<int8_t>();
    quantize_codes<int8_t>(values, view, options, code_range(scheme), result.params, codes);
    result.sqnr_db = sqnr_of_codes<int8_t>(values, view, result.params, codes);
  } else {
    PTQ_CHECK(scheme.dtype == DType::kUint8 && !options.pair_limited);
    const std::span<uint8_t> codes = result.codes.mutable_data<uint8_t>();
    quantize_codes<uint8_t>(values, view, options, code_range(scheme), result.params, codes);
    result.sqnr_db = sqnr_of_codes<uint8_t>(values, view, result.params, codes);
  }
  return result;
}

Tensor quantize_bias(const Tensor& bias, const std::vector<float>& scale) {
  const std::vector<float> values = finite_floats(bias, "biases");
  PTQ_CHECK(values.size() == scale.size());
  Tensor codes(DType::kInt32, bias.shape());
  const std::span<int32_t> target = codes.mutable_data<int32_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    PTQ_CHECK(std::isfinite(scale[i]) && scale[i] > 0.0F);
    const double code =
        std::nearbyint(static_cast<double>(values[i]) / static_cast<double>(scale[i]));
    PTQ_CHECK(std::abs(code) <= 2147483647.0);
    target[i] = static_cast<int32_t>(code);
  }
  return codes;
}

std::vector<float> bias_scale_floor(const Tensor& bias, float activation_scale) {
  constexpr double kMaxCode = 1073741824.0;  // 2^30: leaves the accumulator as much room again
  constexpr double kLowest = std::numeric_limits<float>::min();
  constexpr double kHighest = std::numeric_limits<float>::max();
  PTQ_CHECK(std::isfinite(activation_scale) && activation_scale > 0.0F);
  const auto step = static_cast<double>(activation_scale);
  std::vector<float> floor = finite_floats(bias, "biases");
  for (size_t i = 0; i < floor.size(); ++i) {
    const double product = std::max(std::abs(static_cast<double>(floor[i])) / kMaxCode, kLowest);
    const double scale = std::max(product / step, kLowest);
    if (scale > kHighest) {
      throw Error(
          ErrorCode::kInput,
          fmt::format("bias {} at flat index {} is too large for INT32 beside an activation "
                      "scale of {}; keep that node in float",
                      floor[i], i, activation_scale));
    }
    floor[i] = static_cast<float>(scale);
    if (static_cast<double>(floor[i]) < scale) {  // the conversion rounded down
      floor[i] = std::nextafter(floor[i], std::numeric_limits<float>::infinity());
    }
  }
  return floor;
}

}  // namespace ptq
