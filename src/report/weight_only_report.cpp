#include "report/weight_only_report.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/json_document.h"
#include "report/table.h"

namespace ptq {
namespace {

using Align = TextTable::Align;

std::string group_text(int64_t group) {
  return group == 0 ? "channel" : std::to_string(group);
}

TextTable weight_table(const WeightOnlyResult& result) {
  constexpr size_t kRows = 12;
  TextTable table({{"worst weights", Align::kLeft, 40},
                   {"operator"},
                   {"shape"},
                   {"type"},
                   {"group", Align::kRight},
                   {"bits", Align::kRight},
                   {"SQNR", Align::kRight}});
  std::vector<const WeightBlocks*> rows;
  for (const WeightBlocks& weight : result.weights) {
    rows.push_back(&weight);
  }
  std::ranges::stable_sort(rows, {}, &WeightBlocks::sqnr_db);
  rows.resize(std::min(rows.size(), kRows));
  for (const WeightBlocks* weight : rows) {
    table.add_row({weight->node, weight->op_type,
                   fmt::format("{} x {}", weight->rows, weight->columns),
                   std::string(dtype_name(weight->dtype)), group_text(weight->group),
                   fmt::format("{:.2f}", weight->bits_per_weight),
                   fmt::format("{:.1f} dB", weight->sqnr_db)});
  }
  return table;
}

TextTable float_table(const WeightOnlyResult& result) {
  std::map<std::pair<std::string, std::string>, uint64_t> groups;
  for (const Decision& decision : result.decisions) {
    if (!decision.weight_only) {
      ++groups[{decision.op_type, decision.reason}];
    }
  }
  TextTable table({{"in float", Align::kRight}, {"operator"}, {"reason", Align::kLeft, 90}});
  for (const auto& [group, count] : groups) {
    table.add_row({std::to_string(count), group.first, group.second});
  }
  return table;
}

}  // namespace

std::string weight_only_text(const WeightOnlyResult& result, const std::filesystem::path& input,
                             const std::filesystem::path& output) {
  std::string out =
      fmt::format("model    {}, {} weight(s) of {} elements as codes\n", printable(input.string()),
                  result.weights.size(), result.weight_count);
  if (!output.empty()) {
    out += fmt::format(
        "size     {} bytes, {:.2f} x smaller; {:.3f} bits per weight with scales and zero points\n",
        result.size_bytes,
        static_cast<double>(result.original_size_bytes) / static_cast<double>(result.size_bytes),
        result.bits_per_weight);
  }
  if (result.proof.asked) {
    out += fmt::format("runtime  {} product(s) run as MatMulNBits, {} decode their weight first\n",
                       result.proof.fused, result.proof.unfused.size());
  }
  for (const std::string& note : result.notes) {
    out += fmt::format("note     {}\n", printable(note, 300));
  }
  if (!result.weights.empty()) {
    out += "\n" + weight_table(result).text();
  }
  const bool any_float =
      std::ranges::any_of(result.decisions, [](const Decision& d) { return !d.weight_only; });
  return any_float ? out + "\n" + float_table(result).text() : out;
}

std::string weight_only_json(const ReportHeader& header, const WeightOnlyResult& result,
                             const std::filesystem::path& output) {
  Json document = start_document(header);
  if (!output.empty()) {
    document["output"] = file_json(output);
  }
  document["summary"] = {{"weights", result.weights.size()},
                         {"elements", result.weight_count},
                         {"bits_per_weight", number(result.bits_per_weight)},
                         {"size_bytes", result.size_bytes},
                         {"original_size_bytes", result.original_size_bytes},
                         {"runtime_asked", result.proof.asked},
                         {"runtime_fused", result.proof.fused},
                         {"runtime_unfused", result.proof.unfused}};
  document["notes"] = result.notes;
  Json weights = Json::array();
  for (const WeightBlocks& weight : result.weights) {
    weights.push_back({{"node", weight.node},
                       {"op_type", weight.op_type},
                       {"constant", weight.constant},
                       {"shape", {weight.rows, weight.columns}},
                       {"dtype", dtype_name(weight.dtype)},
                       {"group", weight.group},
                       {"symmetric", weight.symmetric},
                       {"bits_per_weight", number(weight.bits_per_weight)},
                       {"sqnr_db", number(weight.sqnr_db)},
                       {"reason", weight.reason}});
  }
  document["weights"] = std::move(weights);
  Json decisions = Json::array();
  for (const Decision& decision : result.decisions) {
    decisions.push_back({{"node", decision.label},
                         {"op_type", decision.op_type},
                         {"outcome", decision.weight_only ? "weight-only" : "float"},
                         {"reason", decision.reason}});
  }
  document["decisions"] = std::move(decisions);
  return dump(document);
}

}  // namespace ptq
