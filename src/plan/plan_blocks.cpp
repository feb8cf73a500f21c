#include "plan/plan_blocks.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <fnmatch.h>

#include "ptq/error.h"

namespace ptq {
namespace {

// Below so many elements scales and nodes take more room than codes save.
constexpr int64_t kFewElements = 1024;

std::string label_of(const Node& node) {
  return !node.name.empty() || node.outputs.empty() ? node.name : node.outputs.front();
}

bool is_float_type(DType dtype) {
  return dtype == DType::kFloat || dtype == DType::kFloat16 || dtype == DType::kBfloat16;
}

// The constant behind an operand of a node, and whether it stands there transposed.
struct Source {
  const Constant* constant = nullptr;
  bool transposed = false;
};

Source find_source(const GraphIndex& index, std::string_view value) {
  if (const Constant* constant = index.fixed_constant(value)) {
    return {constant, false};
  }
  const Node* node = index.producer(value);
  if (node == nullptr || !node->is("Transpose")) {
    return {};
  }
  const std::vector<int64_t> order = node->ints_attribute("perm");
  const bool swaps = order.empty() || order == std::vector<int64_t>{1, 0};
  return {swaps ? index.fixed_constant(node->input(0)) : nullptr, true};
}

// What a node can do with block-wise codes: where its weight is, or why there is none.
struct Candidate {
  const Constant* constant = nullptr;
  size_t slot = 1;
  BlockUse use = BlockUse::kProduct;
  ReducedAxis reduced = ReducedAxis::kFirst;
  std::string obstacle{};
};

ReducedAxis axis_of(bool transposed) {
  return transposed ? ReducedAxis::kSecond : ReducedAxis::kFirst;
}

Candidate look_at_product(const GraphIndex& index, const Node& node) {
  Candidate out;
  const Source source = find_source(index, node.input(1));
  if (source.constant == nullptr) {
    out.obstacle = find_source(index, node.input(0)).constant != nullptr
                       ? "its weight is the first operand; kernels take the second"
                       : "it multiplies two activations";
    return out;
  }
  out.constant = source.constant;
  out.reduced = axis_of(source.transposed);
  if (node.is("Gemm")) {
    if (node.int_attribute("transA", 0) != 0) {
      out.obstacle = "it transposes its activation (transA), which the fused kernel does not";
    } else if (node.float_attribute("alpha", 1.0F) != 1.0F ||
               (!node.input(2).empty() && node.float_attribute("beta", 1.0F) != 1.0F)) {
      out.obstacle = "it has factors (alpha, beta) that could not be folded into its constants";
    }
    out.reduced = axis_of(source.transposed != (node.int_attribute("transB", 0) != 0));
  }
  return out;
}

Candidate look_at_lookup(const GraphIndex& index, const Node& node) {
  Candidate out{.slot = 0, .use = BlockUse::kLookup, .reduced = ReducedAxis::kSecond};
  out.constant = index.fixed_constant(node.input(0));
  if (out.constant == nullptr) {
    out.obstacle = "it looks up rows of a computed value";
  } else if (node.int_attribute("axis", 0) != 0) {
    out.obstacle = "it looks up along another axis than the first";
  }
  return out;
}

void check_constant(Candidate& candidate) {
  if (candidate.constant == nullptr || !candidate.obstacle.empty()) {
    return;
  }
  const Tensor& tensor = candidate.constant->tensor;
  if (!is_float_type(tensor.dtype())) {
    candidate.obstacle =
        fmt::format("its operand is {}, expected float", dtype_name(tensor.dtype()));
  } else if (tensor.rank() != 2) {
    candidate.obstacle = fmt::format("its weight has {} axes, kernels take 2", tensor.rank());
  } else if (tensor.size() < kFewElements) {
    candidate.obstacle = fmt::format("its weight has {} elements; from {} on codes save room",
                                     tensor.size(), kFewElements);
  }
}

// Operators behind the last layer that do not mix it with another one.
bool is_pointwise_tail(const Node& node) {
  static const std::set<std::string_view> kNames = {
      "Add",     "Cast",      "Div",   "Flatten", "Identity",  "LogSoftmax", "Mul",
      "Reshape", "Sigmoid",   "Slice", "Softmax", "Squeeze",   "Sub",        "Tanh",
      "Relu",    "Transpose", "Clip",  "Gather",  "Unsqueeze", "Where"};
  return node.domain.empty() && kNames.contains(node.op_type);
}

// Positions of the products whose results reach an output of the model by operators of one
// activation alone.
std::set<size_t> last_products(const GraphIndex& index) {
  std::set<size_t> out;
  for (const ValueInfo& output : index.graph().outputs) {
    std::string_view value = output.name;
    while (const Node* node = index.producer(value)) {
      if (node->is("MatMul") || node->is("Gemm")) {
        out.insert(index.producer_position(value));
        break;
      }
      std::vector<std::string_view> computed;
      for (const std::string& input : node->inputs) {
        if (!input.empty() && index.constant(input) == nullptr) {
          computed.push_back(input);
        }
      }
      if (!is_pointwise_tail(*node) || computed.size() != 1) {
        break;
      }
      value = computed.front();
    }
  }
  return out;
}

bool matches(const WeightRule& rule, const Node& node) {
  return fnmatch(rule.pattern.c_str(), node.name.c_str(), 0) == 0 ||
         (!node.outputs.empty() &&
          fnmatch(rule.pattern.c_str(), node.outputs.front().c_str(), 0) == 0);
}

BlockScheme scheme_of(const WeightOnlyRequest& request, DType dtype) {
  const bool few = bit_width(dtype) == 4;
  const bool as_asked = dtype == request.dtype;
  return {.dtype = dtype,
          // Eight bits have levels enough without zero points and with one scale a channel.
          .block_size = as_asked || few ? request.group : 0,
          .symmetric = as_asked ? request.symmetric : !few,
          .method = request.search ? BlockMethod::kSearch : BlockMethod::kNearest,
          .scale_dtype = request.half_scale ? DType::kFloat16 : DType::kFloat};
}

class Planner {
 public:
  Planner(const ModelIndex& index, const WeightOnlyRequest& request)
      : index_(index), request_(request), rule_used_(request.rules.size()) {
    for (const std::string& name : request.keep_float) {
      kept_.insert(name);
    }
  }

  BlockPlan run() {
    for (size_t k = 0; k < index_.size(); ++k) {
      if (!index_.is_foreign(k)) {
        plan_graph(k);
      }
    }
    check_names();
    for (size_t r = 0; r < rule_used_.size(); ++r) {
      if (!rule_used_[r]) {
        throw Error(ErrorCode::kUsage,
                    fmt::format("pattern '{}' matches no node with a weight; `ptq inspect` and the "
                                "JSON report list names",
                                printable(request_.rules[r].pattern)));
      }
    }
    return std::move(plan_);
  }

 private:
  void plan_graph(size_t k) {
    const GraphIndex& index = index_[k];
    const std::set<size_t> last = k == 0 ? last_products(index) : std::set<size_t>();
    for (size_t position = 0; position < index.graph().nodes.size(); ++position) {
      const Node& node = index.graph().nodes[position];
      const bool is_kept = keep(node);
      const bool is_product = node.is("MatMul") || node.is("Gemm");
      if (!is_product && !node.is("Gather")) {
        continue;
      }
      Candidate candidate = is_product ? look_at_product(index, node) : look_at_lookup(index, node);
      check_constant(candidate);
      if (!is_product && (candidate.constant == nullptr || candidate.constant->tensor.rank() != 2 ||
                          !is_float_type(candidate.constant->tensor.dtype()))) {
        continue;  // a lookup of something else than rows of floats is no layer
      }
      if (is_kept) {
        candidate.obstacle = "kept in float as asked";
      }
      decide(k, position, node, last.contains(position), candidate);
    }
  }

  bool keep(const Node& node) {
    bool found = false;
    for (const std::string& name : request_.keep_float) {
      if (name == node.name || std::ranges::find(node.outputs, name) != node.outputs.end()) {
        kept_.erase(name);
        found = true;
      }
    }
    return found;
  }

  void check_names() {
    if (!kept_.empty()) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("--keep-float '{}': no node has this name or output",
                              printable(*kept_.begin())));
    }
  }

  void decide(size_t graph, size_t position, const Node& node, bool is_last,
              const Candidate& candidate) {
    Decision decision{.node = position, .label = label_of(node), .op_type = node.op_type};
    decision.reason = candidate.obstacle;
    if (candidate.constant != nullptr && candidate.obstacle.empty()) {
      DType dtype = request_.dtype;
      std::string reason = fmt::format("{} as asked", dtype_name(dtype));
      if (request_.eight_bit_ends && bit_width(dtype) == 4 &&
          (is_last || candidate.use == BlockUse::kLookup)) {
        dtype = DType::kInt8;
        reason = is_last ? "int8: the last layer" : "int8: the first layer";
      }
      for (size_t r = 0; r < request_.rules.size(); ++r) {
        if (matches(request_.rules[r], node)) {
          dtype = request_.rules[r].dtype;
          rule_used_[r] = true;
          reason = fmt::format("by the rule for '{}'", printable(request_.rules[r].pattern));
        }
      }
      decision.reason = reason;
      decision.weight_only = dtype != DType::kUndefined;
      if (decision.weight_only) {
        plan_.weights.push_back({.graph = graph,
                                 .node = position,
                                 .slot = candidate.slot,
                                 .constant = candidate.constant->name,
                                 .use = candidate.use,
                                 .reduced = candidate.reduced,
                                 .scheme = scheme_of(request_, dtype),
                                 .reason = reason});
      }
    }
    plan_.decisions.push_back(std::move(decision));
  }

  const ModelIndex& index_;
  const WeightOnlyRequest& request_;
  std::vector<bool> rule_used_;
  std::set<std::string> kept_;  // names that no node had so far
  BlockPlan plan_;
};

}  // namespace

WeightRule parse_weight_rule(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, DType>, 5> kForms = {
      {{"int4", DType::kInt4},
       {"uint4", DType::kUint4},
       {"int8", DType::kInt8},
       {"uint8", DType::kUint8},
       {"float", DType::kUndefined}}};
  const size_t equals = text.rfind('=');
  if (equals != std::string_view::npos && equals > 0) {
    const auto* const form = std::ranges::find(kForms, text.substr(equals + 1),
                                               [](const auto& row) { return row.first; });
    if (form != kForms.end()) {
      return {.pattern = std::string(text.substr(0, equals)), .dtype = form->second};
    }
  }
  throw Error(ErrorCode::kUsage,
              fmt::format("expected PATTERN=int4, uint4, int8, uint8 or float, found '{}'",
                          printable(std::string(text))));
}

BlockPlan plan_blocks(const ModelIndex& index, const WeightOnlyRequest& request) {
  return Planner(index, request).run();
}

}  // namespace ptq
