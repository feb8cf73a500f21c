#include "pipeline/optimized_kernels.h"

#include <algorithm>
#include <array>
#include <set>

namespace ptq {
namespace {

bool is_code_type(DType dtype) {
  static constexpr std::array kTypes = {DType::kUint8, DType::kInt8, DType::kUint16, DType::kInt16};
  return std::ranges::find(kTypes, dtype) != kTypes.end();
}

}  // namespace

bool is_quantize(const Node& node) {
  return node.op_type == "QuantizeLinear";
}
bool is_dequantize(const Node& node) {
  return node.op_type == "DequantizeLinear";
}

bool has_integer_kernel(const Node& node) {
  static const std::set<std::string_view> kNames = {"QGemm",
                                                    "MatMulNBits",
                                                    "MatMulIntegerToFloat",
                                                    "DynamicQuantizeMatMul",
                                                    "MatMulInteger",
                                                    "ConvInteger",
                                                    "QAttention"};
  return node.op_type.starts_with("QLinear") || kNames.contains(node.op_type);
}

bool is_float_product(const Node& node) {
  static const std::set<std::string_view> kNames = {"Conv",        "FusedConv", "MatMul",
                                                    "FusedMatMul", "Gemm",      "FusedGemm",
                                                    "LSTM",        "GRU",       "ConvTranspose"};
  return kNames.contains(node.op_type);
}

CodedValues::CodedValues(const ModelIndex& optimized) {
  for (size_t k = 0; k < optimized.size(); ++k) {
    for (const Constant& constant : optimized[k].graph().initializers) {
      if (is_code_type(constant.tensor.dtype())) {
        coded_.insert(constant.name);
      }
    }
    for (const Node& node : optimized[k].graph().nodes) {
      if (makes_codes(node)) {
        coded_.insert(node.outputs.begin(), node.outputs.end());
      }
    }
  }
}

bool CodedValues::arrive_at(const Node& node) const {
  return !is_dequantize(node) && std::ranges::any_of(node.inputs, [&](std::string_view input) {
    return coded_.contains(input);
  });
}

bool CodedValues::makes_codes(const Node& node) const {
  if (is_dequantize(node) || node.op_type == "Cast") {
    return false;
  }
  if (node.op_type == "QGemm") {
    return !node.input(7).empty();  // the scale of a result in codes
  }
  if (is_quantize(node) || node.op_type.starts_with("QLinear")) {
    return true;
  }
  return !has_integer_kernel(node) && arrive_at(node);
}

}  // namespace ptq
