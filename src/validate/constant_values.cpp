#include "validate/constant_values.h"

#include <cmath>
#include <limits>

namespace ptq {
namespace {

// Which of the scales belongs to each element: those of one axis, of blocks along it, or one.
struct ScaleIndex {
  int64_t inner = 1;   // elements behind the axis
  int64_t length = 1;  // of the axis
  int64_t block = 1;   // elements of the axis with one scale
  int64_t blocks = 1;
  bool blocked = false;  // scales have the shape of the tensor, the axis apart
  bool single = true;

  int64_t of(int64_t element) const {
    if (single) {
      return 0;
    }
    const int64_t on_axis = element / inner % length;
    if (!blocked) {
      return on_axis;
    }
    return (element / (inner * length) * blocks + on_axis / block) * inner + element % inner;
  }
};

std::optional<ScaleIndex> scale_index(const Node& node, const Tensor& codes, const Tensor& scale) {
  ScaleIndex index;
  if (scale.size() == 1 && scale.rank() <= 1) {
    return index;
  }
  int64_t axis = node.int_attribute("axis", 1);
  axis += axis < 0 ? codes.rank() : 0;
  if (axis < 0 || axis >= codes.rank()) {
    return std::nullopt;
  }
  index.single = false;
  const auto at = static_cast<size_t>(axis);
  index.length = codes.shape()[at];
  for (size_t i = at + 1; i < codes.shape().size(); ++i) {
    index.inner *= codes.shape()[i];
  }
  index.block = node.int_attribute("block_size", 0);
  if (index.block == 0) {
    return scale.rank() == 1 && scale.size() == index.length ? std::optional(index) : std::nullopt;
  }
  index.blocked = true;
  index.blocks = (index.length + index.block - 1) / index.block;
  const int64_t rows = codes.size() / (index.inner * index.length);
  return scale.size() == rows * index.blocks * index.inner ? std::optional(index) : std::nullopt;
}

}  // namespace

std::optional<ConstantValues> constant_values(const GraphIndex& index, std::string_view value) {
  if (const Constant* constant = index.fixed_constant(value)) {
    if (constant->tensor.dtype() != DType::kFloat) {
      return std::nullopt;
    }
    return ConstantValues{.constant = constant->name,
                          .shape = constant->tensor.shape(),
                          .values = to_floats(constant->tensor)};
  }
  const Node* node = index.producer(value);
  if (node == nullptr || node->op_type != "DequantizeLinear") {
    return std::nullopt;
  }
  const Constant* codes = index.fixed_constant(node->input(0));
  const Constant* scale = index.fixed_constant(node->input(1));
  const Constant* zero = node->input(2).empty() ? nullptr : index.fixed_constant(node->input(2));
  const bool known = codes != nullptr && scale != nullptr && bit_width(codes->tensor.dtype()) > 0 &&
                     bit_width(scale->tensor.dtype()) > 0 &&
                     (node->input(2).empty() || zero != nullptr) &&
                     (zero == nullptr || zero->tensor.size() == scale->tensor.size());
  if (!known) {
    return std::nullopt;
  }
  const auto scales = scale_index(*node, codes->tensor, scale->tensor);
  if (!scales) {
    return std::nullopt;
  }
  ConstantValues result{.constant = codes->name,
                        .shape = codes->tensor.shape(),
                        .values = to_floats(codes->tensor),
                        .coded = true};
  const std::vector<float> steps = to_floats(scale->tensor);
  const std::vector<float> zeros =
      zero != nullptr ? to_floats(zero->tensor) : std::vector<float>(steps.size(), 0.0F);
  for (size_t i = 0; i < result.values.size(); ++i) {
    const auto k = static_cast<size_t>(scales->of(static_cast<int64_t>(i)));
    result.values[i] = (result.values[i] - zeros[k]) * steps[k];
  }
  return result;
}

std::optional<CodeInterval> code_interval(const GraphIndex& index, const Node& quantize) {
  const Constant* scale = index.fixed_constant(quantize.input(1));
  const Constant* zero = index.fixed_constant(quantize.input(2));
  const bool no_zero = quantize.input(2).empty();
  if (scale == nullptr || scale->tensor.size() != 1 || (!no_zero && zero == nullptr) ||
      bit_width(scale->tensor.dtype()) == 0) {
    return std::nullopt;
  }
  const DType type = no_zero ? DType::kUint8 : zero->tensor.dtype();
  const int bits = static_cast<int>(bit_width(type));
  const bool is_signed = type == DType::kInt8 || type == DType::kInt16 || type == DType::kInt4;
  const bool unsigned_type =
      type == DType::kUint8 || type == DType::kUint16 || type == DType::kUint4;
  if (!(is_signed || unsigned_type)) {
    return std::nullopt;
  }
  const double count = std::ldexp(1.0, bits);
  const double lowest = is_signed ? -count / 2.0 : 0.0;
  const double step = static_cast<double>(to_floats(scale->tensor)[0]);
  const double middle = no_zero ? 0.0 : static_cast<double>(to_floats(zero->tensor)[0]);
  return CodeInterval{.lo = (lowest - middle) * step, .hi = (lowest + count - 1.0 - middle) * step};
}

}  // namespace ptq
