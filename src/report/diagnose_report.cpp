#include "report/diagnose_report.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "diagnose/findings.h"
#include "ptq/error.h"
#include "report/calibration_set_report.h"
#include "report/table.h"

namespace ptq {
namespace {

using Align = TextTable::Align;

std::string db(double value) {
  return std::isinf(value) ? (value > 0 ? "exact" : "-inf") : fmt::format("{:.1f}", value);
}

std::string ratio_text(double ratio) {
  return ratio < 1000.0 ? fmt::format("{:.1f}", ratio) : fmt::format("{:.2g}", ratio);
}

// "38.1/40.2/40.5/31.0" of absmax, percentile, mse and kl.
std::string all_four(const std::map<std::string, Range>& ranges) {
  std::string out;
  for (const RangeEstimator& estimator : range_estimators()) {
    const auto found = ranges.find(std::string(estimator.name));
    out += (out.empty() ? "" : "/") + (found == ranges.end() ? "-" : db(found->second.sqnr_db));
  }
  return out;
}

// SQNR at the output with this layer alone.
std::string output_text(const LayerDiagnosis& layer, int bits) {
  const double noise =
      bits == 8 ? layer.activation_noise + layer.weight_noise_8 : layer.group_noise_4;
  return noise > 0.0 ? db(-10.0 * std::log10(noise)) : "-";
}

// "D011 D024"
std::string codes_text(const LayerDiagnosis& layer) {
  std::string out;
  for (const std::string& code : layer.codes) {
    const bool info = std::ranges::any_of(diagnosis_rows(), [&code](const DiagnosisRow& row) {
      return row.code == code && row.severity == "info";
    });
    if (!info) {
      out += (out.empty() ? "" : " ") + code.substr(code.find('D'));
    }
  }
  return out;
}

std::vector<TextTable::Column> columns(const DiagnosisView& view) {
  std::vector<TextTable::Column> columns = {{"layer", Align::kLeft, view.wide ? 48U : 24U},
                                            {"operator", Align::kLeft, 11},
                                            {"ratio/light", Align::kRight},
                                            {"estimator"},
                                            {"8/4 bit dB", Align::kRight},
                                            {"weight dB", Align::kRight},
                                            {"M MAC", Align::kRight},
                                            {"output dB", Align::kRight},
                                            {"findings", Align::kLeft, view.wide ? 48U : 14U}};
  if (view.wide) {
    for (const char* title : {"absmax/percentile/mse/kl 8", "... at 4", "range", "zeros",
                              "weight 4 channel/group", "spread", "saturating"}) {
      columns.push_back({title, Align::kRight});
    }
    columns.push_back({"activation", Align::kLeft, 48});
  }
  return columns;
}

void add_wide_cells(const LayerDiagnosis& layer, std::vector<std::string>& cells) {
  if (layer.tensor) {
    cells.push_back(all_four(layer.predicted_8));
    cells.push_back(all_four(layer.predicted_4));
    cells.push_back(
        fmt::format("[{:.4g}, {:.4g}]", layer.tensor->range.lo, layer.tensor->range.hi));
    cells.push_back(fmt::format("{:.0f} %", 100.0 * layer.tensor->zero_share));
  } else {
    cells.resize(cells.size() + 4);
  }
  if (layer.weight) {
    cells.push_back(db(layer.weight->channel_db_4) + "/" + db(layer.weight->group_db_4));
    cells.push_back(ratio_text(layer.weight->spread));
    cells.push_back(layer.weight->saturating_share > 0.0
                        ? fmt::format("{:.1g} %", 100.0 * layer.weight->saturating_share)
                        : "-");
  } else {
    cells.resize(cells.size() + 3);
  }
  cells.push_back(layer.tensor ? layer.tensor->name : "");
}

TextTable layer_table(const ModelDiagnosis& diagnosis, const DiagnosisView& view, size_t count) {
  TextTable table(columns(view));
  for (size_t i = 0; i < count; ++i) {
    const LayerDiagnosis& layer = diagnosis.layers[i];
    std::vector<std::string> cells = {layer.node, layer.op_type};
    if (layer.tensor) {
      cells.push_back(ratio_text(layer.tensor->outlier_ratio) + "/" +
                      ratio_text(layer.tensor->expected_ratio));
      cells.push_back(layer.tensor->estimator);
      cells.push_back(db(layer.tensor->sqnr_db_8) + "/" + db(layer.tensor->sqnr_db_4));
    } else {
      cells.resize(cells.size() + 3);
    }
    cells.push_back(layer.weight ? db(layer.weight->channel_db_8) : "");
    cells.push_back(!layer.macs ? "unknown"
                    : *layer.macs == 0
                        ? ""
                        : fmt::format("{:.3g}", static_cast<double>(*layer.macs) / 1e6));
    cells.push_back(output_text(layer, view.bits));
    cells.push_back(codes_text(layer));
    if (view.wide) {
      add_wide_cells(layer, cells);
    }
    table.add_row(std::move(cells));
  }
  return table;
}

// One line a code, with its first case.
std::string findings_text(const std::vector<DiagnosisFinding>& findings) {
  std::map<std::string, size_t> counts;
  for (const DiagnosisFinding& finding : findings) {
    ++counts[finding.code];
  }
  std::string out;
  for (const DiagnosisRow& row : diagnosis_rows()) {
    const auto first = std::ranges::find(findings, std::string(row.code), &DiagnosisFinding::code);
    if (first == findings.end()) {
      continue;
    }
    const size_t count = counts[first->code];
    out += fmt::format("  {} {:7}  {}{}: {}{}\n", row.code, row.severity, row.title,
                       count > 1 ? fmt::format(" ({} times)", count) : "",
                       first->layer.empty() ? "" : printable(first->layer, 40) + ", ",
                       printable(first->message, 200));
  }
  return out.empty() ? "" : "findings\n" + out;
}

}  // namespace

std::string layers_text(const ModelDiagnosis& diagnosis, const DiagnosisView& view) {
  const size_t all = diagnosis.layers.size();
  const size_t shown = view.top == 0 ? all : std::min(view.top, all);
  std::string out = layer_table(diagnosis, view, shown).text();
  if (shown < all) {
    out += fmt::format("  ... and {} more (--top 0 shows all, --wide all columns)\n", all - shown);
  }
  std::string reasons;
  for (size_t i = 0, told = 0; i < shown && told < 5; ++i) {
    if (diagnosis.layers[i].tensor) {
      reasons += fmt::format("  {}: {}\n", printable(diagnosis.layers[i].tensor->name, 60),
                             diagnosis.layers[i].tensor->reason);
      ++told;
    }
  }
  return out + (reasons.empty() ? "" : "why these estimators\n" + reasons) +
         findings_text(diagnosis.findings);
}

std::string verdict_text(const Verdict& verdict, const std::string& command) {
  std::string out = "verdict  " + verdict.sentence + "\n";
  for (const std::string& step : verdict.steps) {
    out += "  " + step + "\n";
  }
  for (const std::string& layer : verdict.float_layers) {
    out += "  keep " + printable(layer, 100) + "\n";
  }
  return out + "next\n  " + command + "\n";
}

}  // namespace ptq
