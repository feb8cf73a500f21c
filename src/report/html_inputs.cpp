// The documents and files that a report is made of.

#include <fmt/format.h>

#include "report/html_sections.h"
#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/table.h"

namespace ptq {
namespace {

using Kind = HtmlTable::Kind;

}  // namespace

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
