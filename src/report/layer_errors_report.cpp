#include "report/layer_errors_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/run_command.h"
#include "ptq/error.h"
#include "report/table.h"

namespace ptq {
namespace {

std::string db_text(double db) {
  return std::isnan(db) ? "-" : decibel_text(db);
}

}  // namespace

std::string layer_errors_text(const LayerErrors& errors, size_t top) {
  std::vector<const LayerError*> worst;
  for (const LayerError& layer : errors.layers) {
    worst.push_back(&layer);
  }
  std::ranges::stable_sort(worst, {}, &LayerError::alone_sqnr_db);
  const size_t shown = top == 0 ? worst.size() : std::min(top, worst.size());
  using Align = TextTable::Align;
  TextTable table({{"layer", Align::kLeft},
                   {"operator", Align::kLeft, 20},
                   {"depth", Align::kRight},
                   {"alone, at the output", Align::kRight},
                   {"all, here", Align::kRight}});
  for (size_t i = 0; i < shown; ++i) {
    const LayerError& layer = *worst[i];
    table.add_row({layer.name, layer.op_type, fmt::format("{}", layer.depth),
                   db_text(layer.alone_sqnr_db), db_text(layer.sqnr_db)});
  }
  std::string out =
      fmt::format(
          "error by layer: alone at the worst output ({} samples), and with everything "
          "quantized at its own result ({} samples)\n",
          errors.alone_samples, errors.samples) +
      table.text();
  if (shown < worst.size()) {
    out += fmt::format("  ... and {} more (JSON has all)\n", worst.size() - shown);
  }
  out += fmt::format(
      "three quarters of the noise come from {} of {} layers; without them {} at the output by "
      "prediction{}\n",
      errors.exclude.size(), errors.layers.size(), db_text(errors.sqnr_db_without),
      std::isnan(errors.sqnr_db) ? "" : fmt::format(", {} with them", db_text(errors.sqnr_db)));
  if (!errors.exclude.empty()) {
    out += "to leave them in float, add to `ptq quantize`\n ";
    for (const std::string& name : errors.exclude) {
      out += " --keep-float " + shell_word(printable(name, 1000));
    }
    out += "\n";
  }
  return out;
}

Json layer_rows_json(const LayerErrors& errors) {
  Json rows = Json::array();
  for (const LayerError& layer : errors.layers) {
    rows.push_back({{"name", layer.name},
                    {"op", layer.op_type},
                    {"depth", layer.depth},
                    {"sqnr_db", number(layer.sqnr_db)},
                    {"alone_sqnr_db", number(layer.alone_sqnr_db)}});
  }
  return rows;
}

Json layer_summary_json(const LayerErrors& errors) {
  return {{"samples", errors.samples},
          {"alone_samples", errors.alone_samples},
          {"sqnr_db", number(errors.sqnr_db)},
          {"exclude", errors.exclude},
          {"sqnr_db_without", number(errors.sqnr_db_without)}};
}

}  // namespace ptq
