#include "report/selection_report.h"

#include <map>

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/json_document.h"
#include "report/table.h"

namespace ptq {
namespace {

using Align = TextTable::Align;

std::map<std::string, size_t> pool_strata(const SampleSketches& pool) {
  std::map<std::string, size_t> strata;
  for (const SampleSketch& sample : pool.samples) {
    ++strata[sample.stratum];
  }
  return strata;
}

}  // namespace

std::string selection_text(const SelectionReport& report) {
  const SampleSketches& pool = report.pool;
  const Selection& chosen = report.selection;
  std::string text = fmt::format(
      "pool           {} samples, {} tensors, {} a sample kept ({} in all)\n"
      "chosen         {}\n"
      "extremes       {:.1f} % of the pool's range, mean over tensors and sides\n"
      "samples within {:.1f} % of the pool stay within the range of what was chosen, in the mean\n"
      "octaves        {:.4f} bits from the pool's shares\n",
      pool.samples.size(), pool.names.size(), size_text(pool.bytes_per_sample()),
      size_text(pool.bytes_per_sample() * pool.samples.size()), chosen.chosen.size(),
      100.0 * chosen.reach, 100.0 * chosen.samples_within, chosen.divergence_bits);
  const std::map<std::string, size_t> all = pool_strata(pool);
  if (all.size() > 1) {
    TextTable table(
        {{"stratum", Align::kLeft}, {"pool", Align::kRight}, {"chosen", Align::kRight}});
    for (const auto& [name, count] : all) {
      table.add_row({name.empty() ? "(none)" : name, std::to_string(count),
                     std::to_string(chosen.strata.at(name))});
    }
    text += "\n" + table.text();
  }
  return text + fmt::format("wrote {}\n", printable(report.output.string()));
}

std::string selection_json(const ReportHeader& header, const SelectionReport& report) {
  const Selection& chosen = report.selection;
  Json document = start_document(header);
  document["summary"] = {{"pool_samples", report.pool.samples.size()},
                         {"tensors", report.pool.names.size()},
                         {"bytes_per_sample", report.pool.bytes_per_sample()},
                         {"chosen", chosen.chosen.size()},
                         {"seed", report.seed},
                         {"extremes_percent", number(100.0 * chosen.reach)},
                         {"samples_within_percent", number(100.0 * chosen.samples_within)},
                         {"divergence_bits", number(chosen.divergence_bits)}};
  document["output"] = report.output.string();
  document["strata"] = Json::array();
  for (const auto& [name, count] : pool_strata(report.pool)) {
    document["strata"].push_back(
        {{"name", name}, {"pool", count}, {"chosen", chosen.strata.at(name)}});
  }
  document["samples"] = report.list.origins;
  return dump(document);
}

}  // namespace ptq
