#include "report/text_report.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/model_summary.h"
#include "report/table.h"

namespace ptq {
namespace {

using Align = TextTable::Align;

std::string ratio_text(double ratio) {
  return ratio < 1000.0 ? fmt::format("{:.1f}", ratio) : fmt::format("{:.2g}", ratio);
}

std::string real_text(float value) {
  return fmt::format("{:.4g}", value);
}

// "12 Conv, 3 MatMul", most frequent first.
std::string counts_text(const std::map<std::string, uint64_t>& counts) {
  std::vector<std::pair<std::string, uint64_t>> rows(counts.begin(), counts.end());
  std::ranges::stable_sort(rows, [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string out;
  for (const auto& [name, count] : rows) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, printable(name, 60));
  }
  return out;
}

std::string value_text(const ValueInfo& value) {
  std::string dims = "of unknown shape";
  if (value.has_shape) {
    dims = "[";
    for (size_t i = 0; i < value.shape.size(); ++i) {
      const bool named =
          value.shape[i] < 0 && i < value.symbols.size() && !value.symbols[i].empty();
      dims += i > 0 ? "," : "";
      dims += named                ? printable(value.symbols[i], 40)
              : value.shape[i] < 0 ? "?"
                                   : std::to_string(value.shape[i]);
    }
    dims += "]";
  }
  return fmt::format("  {} {} {}\n", printable(value.name), dtype_name(value.dtype), dims);
}

TextTable diagnosis_table(const std::vector<TensorDiagnosis>& tensors, size_t top) {
  TextTable table({{"tensor", Align::kLeft, 40},
                   {"outlier ratio", Align::kRight},
                   {"range", Align::kRight},
                   {"zeros", Align::kRight},
                   {"8 bit", Align::kRight},
                   {"4 bit", Align::kRight},
                   {"estimator"},
                   {"severity"}});
  const size_t count = top == 0 ? tensors.size() : std::min(top, tensors.size());
  for (size_t i = 0; i < count; ++i) {
    const TensorDiagnosis& t = tensors[i];
    table.add_row({t.name, ratio_text(t.outlier_ratio),
                   fmt::format("[{}, {}]", real_text(t.range.lo), real_text(t.range.hi)),
                   fmt::format("{:.0f} %", 100.0 * t.zero_share), decibel_text(t.sqnr_db_8),
                   decibel_text(t.sqnr_db_4), t.estimator, t.severity});
  }
  return table;
}

// One decimal, cut: 99.96 % is not 100 %.
std::string share_text(double percent) {
  return fmt::format("{:.1f}", std::floor(percent * 10.0) / 10.0);
}

// The nodes that stay in float, grouped by operator and reason.
TextTable float_table(const std::vector<Decision>& decisions) {
  std::map<std::pair<std::string, std::string>, uint64_t> groups;
  for (const Decision& decision : decisions) {
    if (!decision.integer) {
      ++groups[{decision.op_type, decision.reason}];
    }
  }
  TextTable table(
      {{"nodes", Align::kRight}, {"operator", Align::kLeft, 24}, {"reason", Align::kLeft, 90}});
  for (const auto& [group, count] : groups) {
    table.add_row({std::to_string(count), group.first, group.second});
  }
  return table;
}

// The nodes that the plan put in integers and the runtime in float.
TextTable fallback_table(const RuntimeCheck& check) {
  TextTable table({{"node", Align::kLeft, 40},
                   {"operator", Align::kLeft, 24},
                   {"kernel", Align::kLeft, 24},
                   {"reason", Align::kLeft, 90}});
  for (const KernelRow& row : check.rows) {
    if (row.outcome == KernelOutcome::kFloatAgainstPlan ||
        row.outcome == KernelOutcome::kNotFound) {
      table.add_row({row.label, row.op_type, row.kernel, row.reason});
    }
  }
  return table;
}

// "weights  41 int8 (38 with limited pair sums), 2 uint8; none can saturate on x86 …"
std::string weights_line(const std::vector<WeightSummary>& weights, const Target& target) {
  std::map<std::string, uint64_t> types;
  uint64_t limited = 0;
  bool safe = target.engine == Engine::kOnnxRuntime && target.activation.dtype == DType::kUint8;
  for (const WeightSummary& weight : weights) {
    ++types[std::string(dtype_name(weight.dtype))];
    limited += weight.pair_limited ? 1U : 0U;
    safe = safe && !weight.can_saturate();
  }
  return fmt::format("weights  {}{}{}\n", counts_text(types),
                     limited == 0 ? "" : fmt::format(", {} with limited pair sums", limited),
                     safe ? "; no sum can saturate on any x86 processor" : "");
}

// "work     99.8 % of 301 M multiply-accumulates run in integers".
std::string work_line(const RuntimeCheck& check) {
  const std::string known = fmt::format("{:.3g} M", static_cast<double>(check.known_macs) / 1e6);
  if (const std::optional<double> percent = check.integer_mac_percent()) {
    return fmt::format("work     {} % of {} multiply-accumulates run in integers\n",
                       share_text(*percent), check.unknown_products == 0 ? known : "all");
  }
  if (check.unknown_products == 0) {
    return "work     the model has no products\n";
  }
  return fmt::format(
      "work     share of multiply-accumulates in integers unknown: {:.3g} M of the {} that can be "
      "counted; {} product(s) have open dimensions or stand in If or Loop bodies\n",
      static_cast<double>(check.integer_macs) / 1e6, known, check.unknown_products);
}

std::string advice(const Quantized& result) {
  std::string out;
  const auto hard = std::ranges::count_if(
      result.diagnoses, [](const TensorDiagnosis& t) { return t.severity == "hard"; });
  if (hard > 0) {
    out += fmt::format(
        "  {} tensor(s) are hard to quantize: `ptq diagnose` shows them; keep the worst "
        "in float with --keep-float NODE\n",
        hard);
  }
  if (result.runtime.float_nodes > 0 && result.plan.target->engine == Engine::kOnnxRuntime) {
    out += fmt::format("  {} product(s) run in float, e.g. {}\n", result.runtime.float_nodes,
                       printable(result.runtime.float_products.front(), 60));
  }
  return out;
}

}  // namespace

std::string inspection_text(const Model& model, uint64_t size_bytes) {
  const ModelSummary summary = summarize_model(model);
  std::string opsets;
  for (const OpsetImport& import : model.opset_imports) {
    opsets += fmt::format("{}{} {}", opsets.empty() ? "" : ", ",
                          import.domain.empty() ? "ai.onnx" : printable(import.domain, 60),
                          import.version);
  }
  std::string out = fmt::format("{}: {}, IR {}, opset {}\n", printable(model.path.string()),
                                size_text(size_bytes), model.ir_version, opsets);
  out += fmt::format(
      "{} nodes{}, {} initializers with {} elements{}\n", summary.nodes,
      summary.inner_graphs > 0 ? fmt::format(" in {} graphs", summary.inner_graphs + 1) : "",
      summary.initializers, summary.parameters, model.has_functions ? ", local functions" : "");
  out += "inputs\n";
  for (const ValueInfo& input : model.graph.inputs) {
    out += value_text(input);
  }
  out += "outputs\n";
  for (const ValueInfo& output : model.graph.outputs) {
    out += value_text(output);
  }
  return out + "operators\n  " + counts_text(summary.operators) + "\n";
}

std::string quantize_text(const LoadedModel& model, const Quantized& result,
                          const std::filesystem::path& input, const std::filesystem::path& output) {
  const std::vector<Decision> decisions = all_decisions(result.plan);
  const auto integer = std::ranges::count_if(decisions, &Decision::integer);
  std::string out;
  out += fmt::format(
      "size     {} -> {}, {:.2f} x smaller\n", size_text(result.original_size_bytes),
      size_text(result.size_bytes),
      static_cast<double>(result.original_size_bytes) / static_cast<double>(result.size_bytes));
  out += fmt::format("plan     {} of {} nodes in integers for {}\n", integer, decisions.size(),
                     result.plan.target->name);
  out += fmt::format("runtime  {} integer kernels, {} products in float, {} Q/DQ nodes left{}\n",
                     result.runtime.integer_nodes, result.runtime.float_nodes,
                     result.runtime.pairs_left,
                     result.plan.target->engine == Engine::kOnnxRuntime
                         ? ""
                         : " in ONNX Runtime, which is not the target");
  out += work_line(result.runtime);
  out += weights_line(result.weights, *result.plan.target);
  for (const std::string& pass : model.passes) {
    out += fmt::format("prepared {}\n", pass);
  }
  for (const std::string& note : model.notes) {
    out += fmt::format("note     {}\n", printable(note));
  }
  for (const std::string& finding : result.plan.findings) {
    out += fmt::format("note     {}\n", printable(finding));
  }
  const TextTable floats = float_table(decisions);
  if (!floats.empty()) {
    out += "\nleft in float\n" + floats.text();
  }
  const TextTable fallbacks = fallback_table(result.runtime);
  if (!fallbacks.empty() && result.plan.target->engine == Engine::kOnnxRuntime) {
    out += "\nin float against the plan\n" + fallbacks.text();
  }
  out += "\nhardest tensors\n" + diagnosis_table(result.diagnoses, 5).text();
  if (output.empty()) {
    return out;
  }
  out += "\nnext\n" + advice(result);
  out += fmt::format("  prove it: ptq validate {} {} --data TEST --labels LABELS --max-drop 1.0\n",
                     printable(input.string()), printable(output.string()));
  return out;
}

std::string coverage_text(const std::vector<Decision>& decisions) {
  return "nothing was written: no node can run in integers on this target\n\n" +
         float_table(decisions).text();
}

}  // namespace ptq
