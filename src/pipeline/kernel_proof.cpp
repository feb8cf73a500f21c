#include "pipeline/kernel_proof.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "graph/macs.h"
#include "graph/model_index.h"
#include "pipeline/node_matching.h"
#include "pipeline/optimized_kernels.h"
#include "plan/op_rules.h"
#include "ptq/error.h"
#include "runtime/model_session.h"

namespace ptq {
namespace {

// Fills outcome, kernel and reason of a node that was planned in integers. `mark` is its place in
// the file, or npos.
void judge_integer(const Node& node, const NodeMatching& matching, size_t mark,
                   const CodedValues& coded, KernelRow& row) {
  const OpRule* rule = find_op_rule(node);
  const bool may_vanish = rule != nullptr && (rule->op_class == OpClass::kActivation ||
                                              rule->op_class == OpClass::kPassThrough);
  const std::vector<const Node*> found = mark == GraphIndex::npos
                                             ? std::vector<const Node*>()
                                             : matching.in_optimized(row.graph, mark);
  if (found.empty()) {
    row.outcome = may_vanish ? KernelOutcome::kAbsorbed : KernelOutcome::kNotFound;
    row.reason = may_vanish ? "its neighbours took over what it did"
                            : "neither the node nor its result is in the optimized graph: the "
                              "runtime fused it to something that kept no trace of it";
    return;
  }
  for (const Node* each : found) {
    row.kernel = each->op_type;
    if (has_integer_kernel(*each) || coded.arrive_at(*each)) {
      row.outcome = KernelOutcome::kInteger;
      row.reason = has_integer_kernel(*each) ? "integer kernel" : "works on codes";
      return;
    }
  }
  row.outcome = KernelOutcome::kFloatAgainstPlan;
  row.reason = matching.broken_rule(row.graph, mark, rule, *found.front());
}

// The same for a node that was planned in float.
void judge_float(const NodeMatching& matching, size_t mark, KernelRow& row) {
  if (mark == GraphIndex::npos) {
    return;
  }
  for (const Node* each : matching.in_optimized(row.graph, mark)) {
    row.kernel = each->op_type;
    if (has_integer_kernel(*each)) {
      row.outcome = KernelOutcome::kIntegerAgainstPlan;
      row.reason =
          "its operand and its result are codes for its neighbours, so the runtime quantizes the "
          "float weight by itself, with one scale a tensor";
      return;
    }
  }
}

void count_kernels(const ModelIndex& optimized, const std::map<size_t, std::string>& labels,
                   RuntimeCheck& check) {
  for (size_t k = 0; k < optimized.size(); ++k) {
    for (const Node& node : optimized[k].graph().nodes) {
      check.integer_nodes += has_integer_kernel(node) ? 1U : 0U;
      check.pairs_left += is_quantize(node) || is_dequantize(node) ? 1U : 0U;
      if (is_float_product(node)) {
        ++check.float_nodes;
        const auto label = labels.find(node_mark(node));
        check.float_products.push_back(label != labels.end() ? label->second
                                       : node.name.empty()   ? node.outputs.at(0)
                                                             : node.name);
      }
    }
  }
}

// How often the graph inside a node runs is not in the model, so work there is never known.
void add_macs(KernelRow& row, const Node& node, const GraphIndex& sized, RuntimeCheck& check) {
  const bool holds_graphs = std::ranges::any_of(
      node.attributes, [](const Attribute& attribute) { return !attribute.graphs.empty(); });
  row.macs = holds_graphs ? 0 : multiply_accumulates(node, sized);
  if (row.graph > 0 && row.macs != uint64_t{0}) {
    row.macs.reset();
  }
  const bool integer =
      row.outcome == KernelOutcome::kInteger || row.outcome == KernelOutcome::kIntegerAgainstPlan;
  if (!row.macs) {
    ++check.unknown_products;
    check.unknown_integer_products += integer ? 1U : 0U;
    return;
  }
  check.known_macs += *row.macs;
  check.integer_macs += integer ? *row.macs : 0;
}

bool is_fallback(const KernelRow& row) {
  return row.outcome == KernelOutcome::kFloatAgainstPlan || row.outcome == KernelOutcome::kNotFound;
}

}  // namespace

std::string_view outcome_name(KernelOutcome outcome) {
  static constexpr std::array<std::string_view, 6> kNames = {
      "integer",  "absorbed", "float by plan", "integer against plan", "float against plan",
      "not found"};
  return kNames.at(static_cast<size_t>(outcome));
}

uint64_t RuntimeCheck::fallbacks() const {
  return static_cast<uint64_t>(std::ranges::count_if(rows, is_fallback));
}

std::optional<double> RuntimeCheck::integer_mac_percent() const {
  if (unknown_products > 0) {
    const bool all = integer_macs == known_macs && unknown_integer_products == unknown_products;
    return all ? std::optional<double>(100.0) : std::nullopt;
  }
  if (known_macs == 0) {
    return std::nullopt;
  }
  return 100.0 * static_cast<double>(integer_macs) / static_cast<double>(known_macs);
}

RuntimeCheck prove_kernels(const Graph& prepared, const QuantPlan& plan, const Graph& quantized,
                           const Graph& optimized, const Graph& sized) {
  const ModelIndex planned(prepared);
  const ModelIndex sizes(sized);
  const ModelIndex file(quantized);
  const ModelIndex executed(optimized);
  PTQ_CHECK(plan.inner.size() + 1 == planned.size() && sizes.size() == planned.size() &&
            file.size() == planned.size());
  const NodeMatching matching(file, executed);
  const CodedValues coded(executed);
  RuntimeCheck check;
  std::map<size_t, std::string> labels;  // by mark
  for (size_t k = 0; k < planned.size(); ++k) {
    for (const Decision& decision : (k == 0 ? plan : plan.inner[k - 1]).decisions) {
      const Node& node = planned[k].graph().nodes.at(decision.node);
      const size_t mark = matching.in_file(k, node);
      KernelRow row{.graph = k,
                    .node = decision.node,
                    .label = decision.label,
                    .op_type = decision.op_type,
                    .reason = decision.reason};
      if (decision.integer) {
        judge_integer(node, matching, mark, coded, row);
      } else {
        judge_float(matching, mark, row);
      }
      labels.emplace(mark, decision.label);
      add_macs(row, sizes[k].graph().nodes.at(decision.node), sizes[k], check);
      check.rows.push_back(std::move(row));
    }
  }
  labels.erase(GraphIndex::npos);
  count_kernels(executed, labels, check);
  return check;
}

RuntimeCheck check_runtime(const Graph& prepared, const QuantPlan& plan, const Model& quantized,
                           const Graph& sized) {
  SessionOptions options;
  if (plan.target->engine == Engine::kOnnxRuntime &&
      plan.target->activation.dtype == DType::kInt8) {
    // As the runtime loads it on processors whose kernels take signed activations.
    options.config.emplace("session.qdqisint8allowed", "1");
  }
  const Model optimized = optimized_model(mark_nodes(quantized), options);
  return prove_kernels(prepared, plan, quantized.graph, optimized.graph, sized);
}

std::vector<std::string> kernel_findings(const RuntimeCheck& check) {
  std::vector<std::string> findings;
  const auto add = [&](uint64_t count, const KernelRow& row, std::string_view what) {
    findings.push_back(
        fmt::format("{} node(s) {}, e.g. {} ({}): {}; the JSON report lists them "
                    "under kernels",
                    count, what, printable(row.label, 60), printable(row.op_type, 40), row.reason));
  };
  const auto unexpected =
      std::ranges::find(check.rows, KernelOutcome::kIntegerAgainstPlan, &KernelRow::outcome);
  if (unexpected != check.rows.end()) {
    add(static_cast<uint64_t>(std::ranges::count(check.rows, KernelOutcome::kIntegerAgainstPlan,
                                                 &KernelRow::outcome)),
        *unexpected, "were to stay in float and run in integers");
  }
  const auto fallback = std::ranges::find_if(check.rows, is_fallback);
  if (fallback != check.rows.end()) {
    add(check.fallbacks(), *fallback, "were planned in integers and get no integer kernel");
  }
  return findings;
}

}  // namespace ptq
