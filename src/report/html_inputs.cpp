// The samples, and the documents and files that a report is made of.

#include <fmt/format.h>

#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/table.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;

std::string whole(const Json& document, std::string_view path) {
  const auto value = count_of(document, path);
  return value ? count_figure(*value) : "–";
}

std::string input_table(const Json& check, size_t top) {
  const Json& rows = rows_of(check, "inputs_seen");
  if (rows.empty()) {
    return {};
  }
  HtmlTable table({{"input", Kind::kName},
                   {"type", Kind::kText},
                   {"values", Kind::kNumber},
                   {"min", Kind::kNumber},
                   {"mean", Kind::kNumber},
                   {"max", Kind::kNumber},
                   {"not finite", Kind::kNumber}});
  for (size_t i = 0; i < shown_rows(rows.size(), top); ++i) {
    const Json& row = rows[i];
    table.add_row({std::string(text_of(row, "name")), std::string(text_of(row, "type")),
                   whole(row, "values"), optional_figure(number_of(row, "min")),
                   optional_figure(number_of(row, "mean")), optional_figure(number_of(row, "max")),
                   whole(row, "nonfinite_values")});
  }
  return table.html() + more_rows(rows.size(), top);
}

// Rows with code, severity and message: of a data check, and of a diagnosis.
std::string finding_table(const Json& rows, size_t top) {
  if (rows.empty()) {
    return {};
  }
  HtmlTable table({{"severity", Kind::kText}, {"code", Kind::kText}, {"what", Kind::kText}});
  for (size_t i = 0; i < shown_rows(rows.size(), top); ++i) {
    table.add_row({std::string(text_of(rows[i], "severity")), std::string(text_of(rows[i], "code")),
                   std::string(text_of(rows[i], "message"))});
  }
  return "<h3>Findings</h3>\n" + table.html() + more_rows(rows.size(), top);
}

}  // namespace

HtmlSection sample_section(const ReportDocuments& documents, size_t top) {
  HtmlSection section{.id = "samples",
                      .title = "Calibration samples",
                      .source = "ptq data check MODEL --data SAMPLES --json-out FILE"};
  const Json& check = documents.of(ReportKind::kData);
  const Json& stats = documents.of(ReportKind::kStats);
  HtmlTable table({{"document", Kind::kText},
                   {"samples", Kind::kNumber},
                   {"duplicates", Kind::kNumber},
                   {"fingerprint", Kind::kName}});
  if (!check.is_null()) {
    table.add_row({"data check", whole(check, "summary.samples"),
                   whole(check, "summary.duplicates"),
                   std::string(text_of(check, "summary.fingerprint").substr(0, 16))});
  }
  if (!stats.is_null()) {
    table.add_row({"statistics", whole(stats, "summary.samples"), "",
                   std::string(text_of(stats, "summary.data_fingerprint").substr(0, 16))});
  }
  if (!table.empty()) {
    section.body =
        table.html() + input_table(check, top) + finding_table(rows_of(check, "findings"), top);
  }
  return section;
}

HtmlSection source_section(const ReportDocuments& documents) {
  HtmlTable table({{"document", Kind::kName},
                   {"schema", Kind::kText},
                   {"status", Kind::kText},
                   {"about", Kind::kName},
                   {"SHA-256", Kind::kName},
                   {"size", Kind::kNumber}});
  for (const ReportSource& source : documents.sources) {
    const Json& inputs = rows_of(source.json, "inputs");
    const std::string path = source.path.filename().string();
    if (inputs.empty()) {
      table.add_row({path, source.schema, std::string(text_of(source.json, "status"))});
    }
    for (size_t i = 0; i < std::min<size_t>(inputs.size(), 6); ++i) {
      const auto bytes = count_of(inputs[i], "bytes");
      table.add_row({i == 0 ? path : "", i == 0 ? source.schema : "",
                     i == 0 ? std::string(text_of(source.json, "status")) : "",
                     std::filesystem::path(text_of(inputs[i], "path")).filename().string(),
                     std::string(text_of(inputs[i], "sha256").substr(0, 16)),
                     bytes ? size_text(*bytes) : ""});
    }
  }
  std::string note;
  for (const ReportSource& source : documents.sources) {
    const std::string_view runtime = text_of(source.json, "environment.onnxruntime");
    if (!runtime.empty()) {
      note = fmt::format("ONNX Runtime {}", runtime);
      std::string features;
      for (const Json& feature : rows_of(source.json, "environment.cpu_features")) {
        if (feature.is_string() && features.size() < 200) {
          features += (features.empty() ? "" : ", ") + feature.get<std::string>();
        }
      }
      note += features.empty() ? "" : fmt::format(" on a processor with {}", features);
      note += ".";
      break;
    }
  }
  return {.id = "sources", .title = "Made from", .body = table.html() + note_if(note)};
}

}  // namespace ptq
