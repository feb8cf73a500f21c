#include "transform/fold_rules.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace ptq {
namespace {

using Inputs = std::span<const Tensor* const>;

// How many elements the results have at most.
enum class ResultSize {
  kFirstInput,   // as many as input 0
  kBroadcast,    // the shapes of the inputs broadcast
  kSumOfInputs,  // all of them
  kGather,       // input 0 with the indices in place of one dimension
  kMatrix,       // product of two matrices
  kRank,         // one a dimension of input 0
  kGivenShape,   // input 0 is the shape
  kExpand,       // input 1 is a shape that input 0 broadcasts with
};

struct FoldRow {
  std::string_view op_type;
  ResultSize size = ResultSize::kFirstInput;
};

// Deterministic operators without inner graphs whose result size is known before.
constexpr auto kTable = std::to_array<FoldRow>({
    {"Abs"},
    {"Add", ResultSize::kBroadcast},
    {"And", ResultSize::kBroadcast},
    {"Cast"},
    {"Ceil"},
    {"Clip"},
    {"Concat", ResultSize::kSumOfInputs},
    {"ConstantOfShape", ResultSize::kGivenShape},
    {"Div", ResultSize::kBroadcast},
    {"Equal", ResultSize::kBroadcast},
    {"Erf"},
    {"Exp"},
    {"Expand", ResultSize::kExpand},
    {"Flatten"},
    {"Floor"},
    {"Gather", ResultSize::kGather},
    {"Greater", ResultSize::kBroadcast},
    {"GreaterOrEqual", ResultSize::kBroadcast},
    {"Identity"},
    {"Less", ResultSize::kBroadcast},
    {"LessOrEqual", ResultSize::kBroadcast},
    {"Log"},
    {"MatMul", ResultSize::kMatrix},
    {"Max", ResultSize::kBroadcast},
    {"Min", ResultSize::kBroadcast},
    {"Mul", ResultSize::kBroadcast},
    {"Neg"},
    {"Not"},
    {"Or", ResultSize::kBroadcast},
    {"Pow", ResultSize::kBroadcast},
    {"Reciprocal"},
    {"ReduceMax"},
    {"ReduceMean"},
    {"ReduceMin"},
    {"ReduceSum"},
    {"Reshape"},
    {"Shape", ResultSize::kRank},
    {"Sigmoid"},
    {"Slice"},
    {"Split"},
    {"Sqrt"},
    {"Squeeze"},
    {"Sub", ResultSize::kBroadcast},
    {"Tanh"},
    {"Transpose"},
    {"Unsqueeze"},
    {"Where", ResultSize::kBroadcast},
    {"Xor", ResultSize::kBroadcast},
});

void broadcast_into(Shape& shape, const Shape& own) {
  if (own.size() > shape.size()) {
    shape.insert(shape.begin(), own.size() - shape.size(), 1);
  }
  for (size_t i = 0; i < own.size(); ++i) {
    int64_t& dim = shape[shape.size() - own.size() + i];
    dim = std::max(dim, own[i]);
  }
}

int64_t product(const Shape& shape) {
  int64_t size = 1;
  for (const int64_t dim : shape) {
    size = saturating_product(size, dim);
  }
  return size;
}

// The values of a shape input; nothing when it is none.
std::optional<Shape> given_shape(const Tensor& tensor) {
  if (tensor.dtype() != DType::kInt64 || tensor.rank() > 1) {
    return std::nullopt;
  }
  Shape shape = to_int64s(tensor);
  if (std::ranges::any_of(shape, [](int64_t dim) { return dim < 0; })) {
    return std::nullopt;
  }
  return shape;
}

std::optional<int64_t> gather_elements(const Node& node, Inputs inputs) {
  const Tensor& first = *inputs.front();
  int64_t axis = node.int_attribute("axis", 0);
  axis += axis < 0 ? first.rank() : 0;
  if (inputs.size() != 2 || axis < 0 || axis >= first.rank()) {
    return std::nullopt;
  }
  const int64_t rows = first.shape()[static_cast<size_t>(axis)];
  return rows == 0 ? 0 : saturating_product(first.size() / rows, inputs[1]->size());
}

std::optional<int64_t> result_elements(ResultSize rule, const Node& node, Inputs inputs) {
  const Tensor& first = *inputs.front();
  switch (rule) {
    case ResultSize::kFirstInput:
      return first.size();
    case ResultSize::kBroadcast: {
      Shape shape;
      for (const Tensor* input : inputs) {
        broadcast_into(shape, input->shape());
      }
      return product(shape);
    }
    case ResultSize::kSumOfInputs: {
      int64_t sum = 0;
      for (const Tensor* input : inputs) {
        sum += input->size();
      }
      return sum;
    }
    case ResultSize::kGather:
      return gather_elements(node, inputs);
    case ResultSize::kMatrix:
      if (inputs.size() != 2 || first.rank() != 2 || inputs[1]->rank() != 2) {
        return std::nullopt;
      }
      return saturating_product(first.shape()[0], inputs[1]->shape()[1]);
    case ResultSize::kRank:
      return first.rank();
    case ResultSize::kGivenShape: {
      const std::optional<Shape> shape = given_shape(first);
      return shape ? std::optional<int64_t>(product(*shape)) : std::nullopt;
    }
    case ResultSize::kExpand: {
      std::optional<Shape> shape = inputs.size() == 2 ? given_shape(*inputs[1]) : std::nullopt;
      if (!shape) {
        return std::nullopt;
      }
      broadcast_into(*shape, first.shape());
      return product(*shape);
    }
  }
  return std::nullopt;
}

// The runtime divides integers without a check, and the processor traps.
bool may_trap(const Node& node, Inputs inputs) {
  if (!node.is("Div") || inputs.size() != 2) {
    return false;
  }
  switch (const Tensor& divisor = *inputs[1]; divisor.dtype()) {
    case DType::kFloat:
    case DType::kDouble:
    case DType::kFloat16:
    case DType::kBfloat16:
      return false;
    case DType::kUint64:
      return true;
    default: {
      const std::vector<int64_t> values = to_int64s(divisor);
      // Also -1: the smallest integer has no positive counterpart.
      return std::ranges::any_of(values, [](int64_t v) { return v == 0 || v == -1; });
    }
  }
}

}  // namespace

int64_t saturating_product(int64_t a, int64_t b) {
  const int64_t largest = std::numeric_limits<int64_t>::max();
  return b != 0 && a > largest / b ? largest : a * b;
}

std::optional<int64_t> result_bytes(const Node& node, Inputs inputs) {
  const auto* const row = std::ranges::find(kTable, node.op_type, &FoldRow::op_type);
  if (row == kTable.end() || !node.domain.empty() || inputs.empty() || may_trap(node, inputs)) {
    return std::nullopt;
  }
  const std::optional<int64_t> elements = result_elements(row->size, node, inputs);
  if (!elements) {
    return std::nullopt;
  }
  int64_t width = 0;  // bytes an element; these operators name the type of the result themselves
  if (node.is("Cast") || node.is("Shape") || node.is("ConstantOfShape")) {
    width = 8;
  }
  for (const Tensor* input : inputs) {
    width = std::max<int64_t>(width, bit_width(input->dtype()) / 8);
  }
  return saturating_product(*elements, width);
}

}  // namespace ptq
