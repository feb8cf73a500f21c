#include "report/depth_order.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "report/json_fields.h"

namespace ptq {
namespace {

using Positions = std::unordered_map<std::string_view, uint64_t>;

Positions positions_by_name(const Json& rows, const ReportDocuments& documents) {
  Positions positions;
  for (const Json* table : {&rows, &rows_of(documents.of(ReportKind::kDiagnose), "tensors")}) {
    for (const Json& row : *table) {
      if (const auto position = count_of(row, "position")) {
        positions.emplace(text_of(row, "name"), *position);
      }
    }
  }
  for (const Json& row : rows_of(documents.of(ReportKind::kDiagnose), "layers")) {
    if (const auto position =
            count_of(row, "position")) {  // of the node that reads it, or of the value
      for (const std::string_view key : {"activation", "node"}) {
        auto& first = positions.try_emplace(text_of(row, key), *position).first->second;
        first = std::min(first, *position);
      }
    }
  }
  if (positions.empty()) {
    for (const Json& row : rows_of(documents.of(ReportKind::kQuantize), "activations")) {
      positions.emplace(text_of(row, "name"), positions.size());
    }
  }
  return positions;
}

}  // namespace

DepthRows in_depth_order(const Json& rows, const ReportDocuments& documents,
                         const std::function<double(const Json& row)>& badness) {
  const Positions positions = positions_by_name(rows, documents);
  DepthRows result{.by_network = !positions.empty()};
  std::vector<const Json*> order;
  for (const Json& row : rows) {
    if (row.is_object() && (positions.empty() || positions.contains(text_of(row, "name")))) {
      order.push_back(&row);
    }
  }
  const auto position_of = [&](const Json* row) {
    const auto found = positions.find(text_of(*row, "name"));
    return found == positions.end() ? uint64_t{0} : found->second;
  };
  std::ranges::stable_sort(order, {}, position_of);
  result.total = order.size();
  result.stretch = (order.size() + kDepthPoints - 1) / kDepthPoints;
  result.stretch = std::max<size_t>(result.stretch, 1);
  for (size_t begin = 0; begin < order.size(); begin += result.stretch) {
    size_t worst = begin;
    for (size_t i = begin; i < std::min(begin + result.stretch, order.size()); ++i) {
      worst = badness(*order[i]) > badness(*order[worst]) ? i : worst;
    }
    result.rows.push_back({order[worst], worst + 1});
  }
  return result;
}

std::string depth_note(const DepthRows& rows) {
  std::string note;
  if (!rows.by_network) {
    note =
        "No document says the order of the network, so tensors stand in the order of theirs; "
        "add that of `ptq diagnose` or `ptq quantize`. ";
  }
  if (rows.stretch > 1) {
    note += fmt::format("Of every {} neighbouring tensors the worst is shown.", rows.stretch);
  }
  return note;
}

}  // namespace ptq
