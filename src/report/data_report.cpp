#include "report/data_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/json_document.h"
#include "report/table.h"

namespace ptq {
namespace {

using Align = TextTable::Align;

constexpr size_t kShownShapes = 3;

std::string value_text(const InputSummary& input, double value) {
  return input.values == 0 ? "-" : fmt::format("{:.6g}", value);
}

// "[1,12] x 3, [1,7] x 1, 5 more"
std::string shapes_text(const InputSummary& input) {
  std::string text;
  for (size_t i = 0; i < std::min(input.shapes.size(), kShownShapes); ++i) {
    text += fmt::format("{}{} x {}", i == 0 ? "" : ", ", shape_text(input.shapes[i].first),
                        input.shapes[i].second);
  }
  if (input.other_shape_samples > 0) {
    text += ", many more";
  } else if (input.shapes.size() > kShownShapes) {
    text += fmt::format(", {} more", input.shapes.size() - kShownShapes);
  }
  return text.empty() ? "-" : text;
}

std::string strata_text(const DataCheck& check) {
  if (check.strata.size() < 2 && check.strata.contains("")) {
    return {};
  }
  TextTable table({{"stratum"}, {"samples", Align::kRight}});
  for (const auto& [name, count] : check.strata) {
    table.add_row({name.empty() ? "(none)" : name, std::to_string(count)});
  }
  return table.text() + "\n";
}

}  // namespace

std::string data_check_text(const DataCheck& check) {
  std::string out = fmt::format(
      "{} samples from {} file(s), {} equal to an earlier one{}\n", check.samples, check.files,
      check.duplicates, check.complete ? std::string() : std::string("; reading ended early"));
  if (!check.fingerprint.empty()) {
    out += fmt::format("fingerprint {}\n", check.fingerprint);
  }
  if (!check.preprocessing.empty()) {
    out += fmt::format("preprocessing {}\n", printable(check.preprocessing, 500));
  }
  out += "\n" + strata_text(check);
  TextTable table({{"input"},
                   {"type"},
                   {"shapes", Align::kLeft, 56},
                   {"min", Align::kRight},
                   {"max", Align::kRight},
                   {"mean", Align::kRight},
                   {"constant", Align::kRight}});
  for (const InputSummary& input : check.inputs) {
    table.add_row({input.name, std::string(dtype_name(input.dtype)), shapes_text(input),
                   value_text(input, input.min), value_text(input, input.max),
                   value_text(input, input.mean), std::to_string(input.constant_samples)});
  }
  out += table.text() + "\n";
  for (const SampleFinding& finding : check.findings) {
    out += fmt::format("{}: {}\n", finding.severity, printable(finding.message, 500));
  }
  return out + (check.findings.empty() ? "" : "\n");
}

std::string data_check_json(const ReportHeader& header, const DataCheck& check) {
  Json document = start_document(header);
  if (!header.passed && check.has("error")) {
    document["status"] = "error";
  }
  document["summary"] = {
      {"samples", check.samples},         {"files", check.files},
      {"duplicates", check.duplicates},   {"complete", check.complete},
      {"fingerprint", check.fingerprint}, {"preprocessing", check.preprocessing}};
  document["findings"] = Json::array();
  for (const SampleFinding& finding : check.findings) {
    document["findings"].push_back(
        {{"code", finding.code}, {"severity", finding.severity}, {"message", finding.message}});
  }
  document["strata"] = Json::array();
  for (const auto& [name, count] : check.strata) {
    document["strata"].push_back({{"name", name}, {"samples", count}});
  }
  document["inputs_seen"] = Json::array();
  for (const InputSummary& input : check.inputs) {
    Json shapes = Json::array();
    for (const auto& [shape, count] : input.shapes) {
      shapes.push_back({{"shape", shape}, {"samples", count}});
    }
    Json row = {{"name", input.name}, {"type", dtype_name(input.dtype)}};
    row["declared_shape"] = input.has_declared_shape ? Json(input.declared) : Json(nullptr);
    row["shapes"] = std::move(shapes);
    row["other_shape_samples"] = input.other_shape_samples;
    row["values"] = input.values;
    row["nonfinite_values"] = input.nonfinite_values;
    row["min"] = number(input.min);
    row["max"] = number(input.max);
    row["mean"] = number(input.mean);
    row["constant_samples"] = input.constant_samples;
    document["inputs_seen"].push_back(std::move(row));
  }
  return dump(document);
}

}  // namespace ptq
