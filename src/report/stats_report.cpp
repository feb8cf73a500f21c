#include "report/stats_report.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/compact_histogram.h"
#include "report/json_document.h"
#include "report/table.h"

namespace ptq {
namespace {

using Align = TextTable::Align;

struct Row {
  const std::string* name = nullptr;
  const TensorStats* tensor = nullptr;
  double ratio = 1.0;
};

std::vector<Row> hardest_first(const ActivationStats& stats) {
  std::vector<Row> rows;
  for (const auto& [name, tensor] : stats.tensors) {
    rows.push_back({&name, &tensor, outlier_ratio(tensor)});
  }
  std::ranges::stable_sort(rows, [](const Row& a, const Row& b) { return a.ratio > b.ratio; });
  return rows;
}

std::string tensor_table(const std::vector<Row>& rows) {
  TextTable table({{"tensor", Align::kLeft, 48},
                   {"values", Align::kRight},
                   {"min", Align::kRight},
                   {"p99 |x|", Align::kRight},
                   {"max", Align::kRight},
                   {"outlier ratio", Align::kRight},
                   {"zeros", Align::kRight},
                   {"NaN, Inf", Align::kRight}});
  for (const Row& row : rows) {
    const TensorStats& t = *row.tensor;
    const double zeros = t.count == 0 ? 0.0
                                      : 100.0 * static_cast<double>(t.histogram.zeros()) /
                                            static_cast<double>(t.count);
    table.add_row(
        {*row.name, fmt::format("{:.3g}", static_cast<double>(t.count)),
         fmt::format("{:.4g}", t.min), fmt::format("{:.4g}", magnitude_quantile(t, 0.99, false)),
         fmt::format("{:.4g}", t.max),
         row.ratio < 1000.0 ? fmt::format("{:.1f}", row.ratio) : fmt::format("{:.2g}", row.ratio),
         fmt::format("{:.1f} %", zeros),
         t.nan + t.inf == 0 ? "" : fmt::format("{}, {}", t.nan, t.inf)});
  }
  return table.text();
}

std::string shards_text(const Shards& shards) {
  std::vector<std::string> parts;
  for (const uint64_t shard : shards.present) {
    parts.push_back(fmt::format("{}/{}", shard, shards.count));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string header_text(const ActivationStats& stats) {
  std::string text =
      fmt::format("samples        {}\ntensors        {}\nmodel          {}\ndata           {}\n",
                  stats.samples(), stats.tensors.size(), printable(stats.model_fingerprint),
                  stats.production ? "production" : stats.data_fingerprint());
  if (stats.production) {
    text += fmt::format("runs           {} of {} counted\ndifferent      {} samples{}\n",
                        stats.production->counted, stats.production->runs,
                        stats.sample_hashes.size(),
                        stats.sample_hashes.size() == Production::kMaxHashes ? " or more" : "");
  }
  text += fmt::format("ONNX Runtime   {}\n", printable(stats.runtime_version));
  if (!stats.preprocessing.empty()) {
    text += fmt::format("preprocessing  {}\n", printable(stats.preprocessing, 1000));
  }
  if (!stats.settings.empty()) {
    text += fmt::format("settings       {}\n", printable(stats.settings, 500));
  }
  if (stats.shards.count > 0) {
    text += fmt::format("shards         {}: part of a run, see `ptq merge`\n",
                        shards_text(stats.shards));
  }
  return text;
}

std::string strata_table(const ActivationStats& stats) {
  if (stats.strata.size() < 2) {
    return {};
  }
  TextTable table({{"stratum", Align::kLeft, 48}, {"samples", Align::kRight}});
  for (const auto& [name, stratum] : stats.strata) {
    table.add_row({name.empty() ? "(none)" : name, std::to_string(stratum.samples)});
  }
  return "\n" + table.text();
}

Json strata_json(const ActivationStats& stats) {
  Json strata = Json::array();
  for (const auto& [name, stratum] : stats.strata) {
    Json extremes = Json::array();
    for (const auto& [value, range] : stratum.extremes) {
      extremes.push_back({{"name", value},
                          {"min", number(static_cast<double>(range.min))},
                          {"max", number(static_cast<double>(range.max))}});
    }
    strata.push_back({{"name", name}, {"samples", stratum.samples}, {"extremes", extremes}});
  }
  return strata;
}

// Null for a calibration.
Json production_json(const ActivationStats& stats) {
  if (!stats.production) {
    return nullptr;
  }
  return {{"runs", stats.production->runs},
          {"counted_runs", stats.production->counted},
          {"different_samples", stats.sample_hashes.size()}};
}

}  // namespace

std::string stats_written_text(const ActivationStats& stats, const std::filesystem::path& output) {
  uint64_t values = 0;
  for (const auto& [name, tensor] : stats.tensors) {
    values += tensor.count;
  }
  return fmt::format("{} samples, {} tensors, {:.3g} values counted\nwrote {}\n", stats.samples(),
                     stats.tensors.size(), static_cast<double>(values), printable(output.string()));
}

std::string stats_text(const ActivationStats& stats, size_t top) {
  std::vector<Row> rows = hardest_first(stats);
  const size_t shown = top == 0 ? rows.size() : std::min(top, rows.size());
  const size_t left_out = rows.size() - shown;
  rows.resize(shown);
  std::string text = header_text(stats) + strata_table(stats) + "\n" + tensor_table(rows);
  if (left_out > 0) {
    text +=
        fmt::format("  ... and {} more with lower outlier ratios (--top 0 shows all)\n", left_out);
  }
  return text;
}

std::string stats_json(const ReportHeader& header, const ActivationStats& stats) {
  Json document = start_document(header);
  document["summary"] = {
      {"samples", stats.samples()},
      {"production", production_json(stats)},
      {"tensors", stats.tensors.size()},
      {"model_fingerprint", stats.model_fingerprint},
      {"data_fingerprint", stats.data_fingerprint()},
      {"runtime_version", stats.runtime_version},
      {"preprocessing", stats.preprocessing},
      {"settings", stats.settings},
      {"shards", {{"count", stats.shards.count}, {"present", stats.shards.present}}}};
  document["strata"] = strata_json(stats);
  document["tensors"] = Json::array();
  std::vector<Row> hardest = hardest_first(stats);
  hardest.resize(std::min(hardest.size(), kCompactHistograms));
  for (const auto& [name, tensor] : stats.tensors) {
    document["tensors"].push_back({{"name", name},
                                   {"count", tensor.count},
                                   {"zeros", tensor.histogram.zeros()},
                                   {"nan", tensor.nan},
                                   {"inf", tensor.inf},
                                   {"min", number(static_cast<double>(tensor.min))},
                                   {"max", number(static_cast<double>(tensor.max))},
                                   {"p99", number(magnitude_quantile(tensor, 0.99, false))},
                                   {"outlier_ratio", number(outlier_ratio(tensor))}});
    if (std::ranges::find(hardest, &tensor, &Row::tensor) != hardest.end()) {
      document["tensors"].back()["histogram"] = histogram_json(compact_histogram(tensor));
    }
  }
  return dump(document);
}

}  // namespace ptq
