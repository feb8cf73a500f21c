#include "graph/macs.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string_view>

namespace ptq {
namespace {

using Count = std::optional<uint64_t>;

Count times(Count a, Count b) {
  uint64_t product = 0;
  if (!a || !b || __builtin_mul_overflow(*a, *b, &product)) {
    return std::nullopt;
  }
  return product;
}

Count dimension(int64_t size) {
  return size < 0 ? std::nullopt : Count(static_cast<uint64_t>(size));
}

// Elements of dimensions `first` and on.
Count elements(const Shape* shape, size_t first = 0) {
  if (shape == nullptr || shape->size() < first) {
    return std::nullopt;
  }
  Count count = 1;
  for (size_t k = first; k < shape->size(); ++k) {
    count = times(count, dimension((*shape)[k]));
  }
  return count;
}

const Shape* output_shape(const Node& node, const GraphIndex& index) {
  return node.outputs.empty() ? nullptr : index.shape(node.outputs[0]);
}

// Each output element is a sum over C/group · kernel elements: W is [M, C/group, k…].
Count of_conv(const Node& node, const GraphIndex& index) {
  return times(elements(output_shape(node, index)), elements(index.shape(node.input(1)), 1));
}

// Each input element goes to M/group · kernel outputs: W is [C, M/group, k…].
Count of_conv_transpose(const Node& node, const GraphIndex& index) {
  return times(elements(index.shape(node.input(0))), elements(index.shape(node.input(1)), 1));
}

Count of_matmul(const Node& node, const GraphIndex& index) {
  const Shape* a = index.shape(node.input(0));
  if (a == nullptr || a->empty()) {
    return std::nullopt;
  }
  return times(elements(output_shape(node, index)), dimension(a->back()));
}

Count of_gemm(const Node& node, const GraphIndex& index) {
  const Shape* a = index.shape(node.input(0));
  if (a == nullptr || a->size() != 2) {
    return std::nullopt;
  }
  const size_t inner = node.int_attribute("transA", 0) != 0 ? 0 : 1;
  return times(elements(output_shape(node, index)), dimension((*a)[inner]));
}

// X is [steps, batch, inputs] (layout 0) or [batch, steps, inputs]; W [directions, gates · hidden,
// inputs] and R [directions, gates · hidden, hidden] are used once a step.
Count of_recurrent(const Node& node, const GraphIndex& index) {
  const Shape* x = index.shape(node.input(0));
  const Count weight = elements(index.shape(node.input(1)));
  const Count recurrence = elements(index.shape(node.input(2)));
  uint64_t sum = 0;
  if (x == nullptr || x->size() != 3 || !weight || !recurrence ||
      __builtin_add_overflow(*weight, *recurrence, &sum)) {
    return std::nullopt;
  }
  return times(times(dimension((*x)[0]), dimension((*x)[1])), sum);
}

// Two operands without "...": one multiplication for each assignment of all letters.
Count of_einsum(const Node& node, const GraphIndex& index) {
  const std::string equation = node.string_attribute("equation", "");
  std::string_view terms(equation);
  terms = terms.substr(0, terms.find("->"));
  if (terms.find('.') != std::string_view::npos || node.inputs.size() > 2) {
    return std::nullopt;
  }
  if (node.inputs.size() < 2) {
    return 0;  // a transpose, a trace or a sum
  }
  std::map<char, int64_t> sizes;
  for (size_t slot = 0; slot < 2; ++slot) {
    const std::string_view term = terms.substr(0, terms.find(','));
    terms.remove_prefix(std::min(term.size() + 1, terms.size()));
    const Shape* shape = index.shape(node.input(slot));
    size_t axis = 0;
    for (const char letter : term) {
      if (letter == ' ') {
        continue;
      }
      if (shape == nullptr || axis >= shape->size()) {
        return std::nullopt;
      }
      int64_t& size = sizes.emplace(letter, (*shape)[axis]).first->second;
      size = size == 1 ? (*shape)[axis] : size;  // 1 is broadcast
      ++axis;
    }
  }
  Count count = 1;
  for (const auto& [letter, size] : sizes) {
    count = times(count, dimension(size));
  }
  return count;
}

struct Row {
  std::string_view op;
  Count (*count)(const Node& node, const GraphIndex& index);  // null: not known how
};

constexpr std::array kStandard = std::to_array<Row>({
    {"Conv", of_conv},
    {"ConvTranspose", of_conv_transpose},
    {"MatMul", of_matmul},
    {"Gemm", of_gemm},
    {"Einsum", of_einsum},
    {"LSTM", of_recurrent},
    {"GRU", of_recurrent},
    {"RNN", of_recurrent},
    {"MatMulInteger", of_matmul},
    {"ConvInteger", of_conv},
    {"Attention", nullptr},
    {"DeformConv", nullptr},
    {"QLinearConv", nullptr},
    {"QLinearMatMul", nullptr},
});

// Operators of the runtime's domains whose work lies in products say so in their names.
bool names_a_product(std::string_view op) {
  static constexpr std::array kWords = std::to_array<std::string_view>(
      {"Conv", "MatMul", "Gemm", "Attention", "LSTM", "GRU", "MoE"});
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return op.find(word) != std::string_view::npos; });
}

// 0 when no inner graph of `node` holds a product. How often a body runs is not in the graph.
Count of_inner_graphs(const Node& node) {
  for (const Attribute& attribute : node.attributes) {
    for (const std::shared_ptr<Graph>& inner : attribute.graphs) {
      const GraphIndex index(*inner);
      for (const Node& each : inner->nodes) {
        if (multiply_accumulates(each, index) != Count(0)) {
          return std::nullopt;
        }
      }
    }
  }
  return 0;
}

}  // namespace

std::optional<uint64_t> multiply_accumulates(const Node& node, const GraphIndex& index) {
  if (!node.domain.empty()) {
    return names_a_product(node.op_type) ? std::nullopt : of_inner_graphs(node);
  }
  for (const Row& row : kStandard) {
    if (row.op == node.op_type) {
      return row.count != nullptr ? row.count(node, index) : std::nullopt;
    }
  }
  return of_inner_graphs(node);
}

}  // namespace ptq
