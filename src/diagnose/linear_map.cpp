#include "diagnose/linear_map.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace ptq {
namespace {

int64_t taps_of(const Shape& shape) {
  return std::accumulate(shape.begin() + 2, shape.end(), int64_t{1}, std::multiplies<>());
}

void add_bias(const Node& node, const GraphIndex& index, double factor, LinearMap& map) {
  const Constant* bias = index.constant(node.input(2));
  if (!holds_numbers(bias)) {
    return;
  }
  const std::vector<float> values = to_floats(bias->tensor);
  if (static_cast<int64_t>(values.size()) == map.outputs) {
    for (const float value : values) {
      map.bias.push_back(factor * static_cast<double>(value));
    }
  }
}

// W is [M, C/group, k…].
LinearMap of_conv(const Node& node, const Shape& shape, const std::vector<float>& weight) {
  LinearMap map;
  map.outputs = shape[0];
  map.groups = std::max<int64_t>(1, node.int_attribute("group", 1));
  map.inputs = shape[1] * map.groups;
  const int64_t taps = taps_of(shape);
  map.squares.resize(static_cast<size_t>(shape[0] * shape[1]));
  map.sums.resize(static_cast<size_t>(shape[0]));
  for (size_t i = 0; i < map.squares.size(); ++i) {
    double square = 0.0;
    for (size_t k = i * static_cast<size_t>(taps); k < (i + 1) * static_cast<size_t>(taps); ++k) {
      const auto w = static_cast<double>(weight[k]);
      square += w * w;
      map.sums[i / static_cast<size_t>(shape[1])] += w;
    }
    map.squares[i] = static_cast<float>(square);
  }
  return map;
}

// W is [C, M/group, k…]; with strides, an output sees only some of the taps.
LinearMap of_conv_transpose(const Node& node, const Shape& shape,
                            const std::vector<float>& weight) {
  LinearMap map;
  map.groups = std::max<int64_t>(1, node.int_attribute("group", 1));
  map.inputs = shape[0];
  map.outputs = shape[1] * map.groups;
  double seen = 1.0;
  for (const int64_t stride : node.ints_attribute("strides")) {
    seen /= static_cast<double>(std::max<int64_t>(1, stride));
  }
  const int64_t taps = taps_of(shape);
  const int64_t inputs_a_group = map.inputs / map.groups;
  map.squares.resize(static_cast<size_t>(map.outputs * inputs_a_group));
  map.sums.resize(static_cast<size_t>(map.outputs));
  for (int64_t c = 0; c < shape[0]; ++c) {
    const int64_t group = inputs_a_group == 0 ? 0 : c / inputs_a_group;
    for (int64_t m = 0; m < shape[1]; ++m) {
      double square = 0.0;
      double sum = 0.0;
      for (int64_t k = 0; k < taps; ++k) {
        const auto w =
            static_cast<double>(weight[static_cast<size_t>((c * shape[1] + m) * taps + k)]);
        square += w * w;
        sum += w;
      }
      const int64_t output = group * shape[1] + m;
      map.squares[static_cast<size_t>(output * inputs_a_group + c % inputs_a_group)] =
          static_cast<float>(square * seen);
      map.sums[static_cast<size_t>(output)] += sum * seen;
    }
  }
  return map;
}

// W is [K, N], or [N, K] when `transposed`.
LinearMap of_matrix(const Shape& shape, const std::vector<float>& weight, bool transposed,
                    double factor) {
  LinearMap map;
  map.inputs = shape[transposed ? 1 : 0];
  map.outputs = shape[transposed ? 0 : 1];
  map.squares.resize(weight.size());
  map.sums.resize(static_cast<size_t>(map.outputs));
  for (int64_t o = 0; o < map.outputs; ++o) {
    for (int64_t i = 0; i < map.inputs; ++i) {
      const size_t at = static_cast<size_t>(transposed ? o * map.inputs + i : i * map.outputs + o);
      const double w = factor * static_cast<double>(weight[at]);
      map.squares[static_cast<size_t>(o * map.inputs + i)] = static_cast<float>(w * w);
      map.sums[static_cast<size_t>(o)] += w;
    }
  }
  return map;
}

}  // namespace

bool holds_numbers(const Constant* constant) {
  return constant != nullptr && bit_width(constant->tensor.dtype()) >= 8 &&
         constant->tensor.dtype() != DType::kComplex64 &&
         constant->tensor.dtype() != DType::kComplex128 && constant->tensor.size() > 0;
}

std::vector<double> LinearMap::backward(const std::vector<double>& sensitivity) const {
  std::vector<double> out(static_cast<size_t>(inputs), 0.0);
  const int64_t inputs_a_group = inputs / groups;
  const int64_t outputs_a_group = std::max<int64_t>(1, outputs / groups);
  for (int64_t o = 0; o < outputs; ++o) {
    const double s = sensitivity[static_cast<size_t>(o)];
    const int64_t first = std::min(groups - 1, o / outputs_a_group) * inputs_a_group;
    for (int64_t i = 0; i < inputs_a_group; ++i) {
      out[static_cast<size_t>(first + i)] +=
          s * static_cast<double>(squares[static_cast<size_t>(o * inputs_a_group + i)]);
    }
  }
  return out;
}

Moments LinearMap::forward(const Moments& operand) const {
  Moments result{.power = 0.0, .mean = 0.0};
  if (outputs == 0) {
    return result;
  }
  const size_t row = squares.size() / static_cast<size_t>(outputs);
  for (size_t o = 0; o < static_cast<size_t>(outputs); ++o) {
    const double mean = sums[o] * operand.mean + (bias.empty() ? 0.0 : bias[o]);
    double square = 0.0;
    for (size_t i = o * row; i < (o + 1) * row; ++i) {
      square += static_cast<double>(squares[i]);
    }
    result.mean += mean / static_cast<double>(outputs);
    result.power += (mean * mean + square * operand.variance()) / static_cast<double>(outputs);
  }
  return result;
}

std::optional<LinearMap> linear_map(const Node& node, const GraphIndex& index) {
  const Constant* constant = index.constant(node.input(1));
  if (!node.domain.empty() || !holds_numbers(constant)) {
    return std::nullopt;
  }
  const Shape& shape = constant->tensor.shape();
  const bool conv = node.op_type == "Conv" || node.op_type == "ConvTranspose";
  const bool gemm = node.op_type == "Gemm";
  if (!(conv ? shape.size() >= 3 : (gemm || node.op_type == "MatMul") && shape.size() == 2)) {
    return std::nullopt;
  }
  const int64_t groups = std::max<int64_t>(1, node.int_attribute("group", 1));
  if (conv && shape[0] % groups != 0) {
    return std::nullopt;
  }
  const std::vector<float> weight = to_floats(constant->tensor);
  if (node.op_type == "ConvTranspose") {
    LinearMap map = of_conv_transpose(node, shape, weight);
    add_bias(node, index, 1.0, map);
    return map;
  }
  const double alpha = gemm ? static_cast<double>(node.float_attribute("alpha", 1.0F)) : 1.0;
  const bool transposed = gemm && node.int_attribute("transB", 0) != 0;
  LinearMap map = conv ? of_conv(node, shape, weight) : of_matrix(shape, weight, transposed, alpha);
  if (conv || gemm) {
    add_bias(node, index, gemm ? static_cast<double>(node.float_attribute("beta", 1.0F)) : 1.0,
             map);
  }
  return map;
}

}  // namespace ptq
