#include "quant/weight_quantizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "ptq/error.h"

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
double store_codes(const std::vector<float>& values, const AxisView& view,
                   const QuantParams& params, CodeRange codes, Tensor& out) {
  const std::span<Code> target = out.mutable_data<Code>();
  double signal = 0.0;
  double noise = 0.0;
  for_each_channel_run(view, [&](size_t c, size_t first, size_t count) {
    for (size_t i = first; i < first + count; ++i) {
      const int32_t code = quantize(values[i], params.scale[c], params.zero_point[c], codes);
      target[i] = static_cast<Code>(code);
      const double error =
          static_cast<double>(values[i]) -
          static_cast<double>(dequantize(code, params.scale[c], params.zero_point[c]));
      signal += static_cast<double>(values[i]) * static_cast<double>(values[i]);
      noise += error * error;
    }
  });
  return noise == 0.0 ? std::numeric_limits<double>::infinity() : 10.0 * std::log10(signal / noise);
}

}  // namespace

QuantizedWeight quantize_weight(const Tensor& weight, const QuantScheme& scheme, int64_t axis,
                                const std::vector<float>& lowest_scale) {
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
  if (!lowest_scale.empty()) {
    PTQ_CHECK(lowest_scale.size() == params.scale.size());
    for (size_t c = 0; c < params.scale.size(); ++c) {
      params.scale[c] = std::max(params.scale[c], lowest_scale[c]);
    }
  }
  QuantizedWeight result{.codes = Tensor(scheme.dtype, weight.shape()), .params = params};
  const CodeRange codes = code_range(scheme);
  if (scheme.dtype == DType::kInt8) {
    result.sqnr_db = store_codes<int8_t>(values, view, params, codes, result.codes);
  } else {
    PTQ_CHECK(scheme.dtype == DType::kUint8);
    result.sqnr_db = store_codes<uint8_t>(values, view, params, codes, result.codes);
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
