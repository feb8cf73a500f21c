#include "plan/reduction_order.h"

namespace ptq {
namespace {

size_t dim(const Shape& shape, size_t i) {
  return static_cast<size_t>(shape[i]);
}

ReductionOrder conv_order(const Shape& weight) {
  const size_t outputs = dim(weight, 0);
  const size_t channels = dim(weight, 1);
  size_t positions = 1;
  for (size_t i = 2; i < weight.size(); ++i) {
    positions *= dim(weight, i);
  }
  ReductionOrder order;
  for (size_t m = 0; m < outputs; ++m) {
    order.first.push_back(m * channels * positions);
  }
  for (size_t p = 0; p < positions; ++p) {
    for (size_t c = 0; c < channels; ++c) {
      order.step.push_back(c * positions + p);
    }
  }
  return order;
}

// `rows` × `columns` matrices, the reduced axis along rows (MatMul, Gemm) or columns (transB).
ReductionOrder matrix_order(size_t matrices, size_t rows, size_t columns, bool along_columns) {
  const size_t depth = along_columns ? columns : rows;
  const size_t outputs = along_columns ? rows : columns;
  ReductionOrder order;
  for (size_t m = 0; m < matrices; ++m) {
    for (size_t n = 0; n < outputs; ++n) {
      order.first.push_back(m * rows * columns + n * (along_columns ? columns : 1));
    }
  }
  for (size_t k = 0; k < depth; ++k) {
    order.step.push_back(k * (along_columns ? 1 : columns));
  }
  return order;
}

}  // namespace

ReductionOrder reduction_order(const Node& node, const Shape& weight) {
  if (element_count(weight) == 0 || weight.size() < 2) {
    return {};
  }
  if (node.op_type == "Conv") {
    return conv_order(weight);
  }
  if (node.op_type != "MatMul" && node.op_type != "Gemm") {
    return {};
  }
  size_t matrices = 1;
  for (size_t i = 0; i + 2 < weight.size(); ++i) {
    matrices *= dim(weight, i);
  }
  const bool transposed = node.op_type == "Gemm" && node.int_attribute("transB", 0) != 0;
  return matrix_order(matrices, dim(weight, weight.size() - 2), dim(weight, weight.size() - 1),
                      transposed);
}

bool adds_in_16_bits(const Node& node, const Shape& weight) {
  const bool depthwise = node.op_type == "Conv" && weight.size() > 1 && weight[1] == 1 &&
                         node.int_attribute("group", 1) == weight[0];
  return !depthwise;
}

}  // namespace ptq
