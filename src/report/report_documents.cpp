#include "report/report_documents.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/json_fields.h"
#include "report/local_paths.h"

namespace ptq {
namespace {

// A document of 10,000 nodes has some 20 MB.
constexpr uint64_t kLargestDocument = uint64_t{512} << 20;
constexpr int kDeepestDocument = 32;

struct SchemaRow {
  std::string_view schema;
  ReportKind kind;
  // inputs[0] is the FP32 model; inputs[1] the quantized one.
  bool names_model;
  bool names_quantized;
};

constexpr std::array<SchemaRow, 10> kSchemas = {{
    {"ptq.data_check/1", ReportKind::kData, true, false},
    {"ptq.calibrate/1", ReportKind::kStats, true, false},
    {"ptq.merge/1", ReportKind::kStats, false, false},
    {"ptq.stats/1", ReportKind::kStats, false, false},
    {"ptq.diagnose/1", ReportKind::kDiagnose, true, false},
    {"ptq.quantize/1", ReportKind::kQuantize, true, false},
    {"ptq.validate/1", ReportKind::kValidate, true, true},
    {"ptq.bench/1", ReportKind::kBench, true, true},
    {"ptq.coverage/1", ReportKind::kCoverage, false, false},
    {"ptq.error/1", ReportKind::kError, false, false},
}};

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorCode::kInput, fmt::format("{}: {}", printable(path.string()), what));
}

Json parse_file(const std::filesystem::path& path) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  if (error || !in || !std::filesystem::is_regular_file(path)) {
    refuse(path, "expected a JSON document of ptq, found no readable file");
  }
  if (size > kLargestDocument) {
    refuse(path, fmt::format("expected a JSON document of at most {} MiB, found {} MiB",
                             kLargestDocument >> 20, size >> 20));
  }
  bool too_deep = false;
  const Json::parser_callback_t guard = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kDeepestDocument;
    return !too_deep;
  };
  try {
    Json document = Json::parse(in, guard);
    if (too_deep) {
      refuse(path, fmt::format("expected a JSON document of ptq, found values nested more than {} "
                               "deep",
                               kDeepestDocument));
    }
    return document;
  } catch (const Json::exception& failure) {
    refuse(path, fmt::format("expected a JSON document of ptq, found broken JSON ({}); write it "
                             "again with --json-out",
                             printable(failure.what(), 160)));
  }
}

const SchemaRow& schema_row(const std::filesystem::path& path, const Json& document) {
  const std::string_view schema = text_of(document, "schema");
  if (schema.empty()) {
    refuse(path,
           "expected a JSON document of ptq, found no field \"schema\"; write it with "
           "--json-out");
  }
  const auto row = std::ranges::find(kSchemas, schema, &SchemaRow::schema);
  if (row == kSchemas.end()) {
    std::string known;
    for (const SchemaRow& entry : kSchemas) {
      known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.schema);
    }
    refuse(path, fmt::format("schema '{}' has no place in a report, which takes {}; leave it out",
                             printable(schema, 60), known));
  }
  return *row;
}

// A hash that documents of one report must agree on, and who said it first.
struct Agreement {
  std::string_view what;
  std::string_view hash{};
  const ReportSource* source = nullptr;

  void check(const ReportSource& next, std::string_view found) {
    if (found.empty()) {
      return;
    }
    if (source == nullptr) {
      hash = found;
      source = &next;
    } else if (hash != found) {
      throw Error(
          ErrorCode::kInput,
          fmt::format("expected documents of one {}, but {} is about {} and {} about {}; make one "
                      "report for each",
                      what, printable(source->path.string()), printable(hash, 12),
                      printable(next.path.string()), printable(found, 12)));
    }
  }
};

std::string_view input_hash(const Json& document, size_t position) {
  const Json& inputs = rows_of(document, "inputs");
  return inputs.size() > position ? text_of(inputs[position], "sha256") : std::string_view();
}

void check_agreement(const std::vector<ReportSource>& sources) {
  Agreement file{.what = "model file"};
  Agreement quantized{.what = "quantized file"};
  Agreement fingerprint{.what = "model"};
  for (const ReportSource& source : sources) {
    const auto row = std::ranges::find(kSchemas, source.schema, &SchemaRow::schema);
    if (row->names_model) {
      file.check(source, input_hash(source.json, 0));
    }
    if (row->names_quantized) {
      quantized.check(source, input_hash(source.json, 1));
    } else if (source.kind == ReportKind::kQuantize) {
      quantized.check(source, text_of(source.json, "output.sha256"));
    }
    fingerprint.check(source, text_of(source.json, "summary.model_fingerprint"));
  }
}

void check_single(const std::vector<ReportSource>& sources) {
  for (size_t i = 1; i < sources.size(); ++i) {
    if (sources[i].schema == sources[i - 1].schema && sources[i].kind != ReportKind::kError) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("expected one {}, found {} and {}; leave one out", sources[i].schema,
                              printable(sources[i - 1].path.string()),
                              printable(sources[i].path.string())));
    }
  }
}

bool has_histogram(const Json& document) {
  return std::ranges::any_of(rows_of(document, "tensors"), [](const Json& row) {
    return !member_of(row, "histogram").is_null();
  });
}

}  // namespace

const Json& ReportDocuments::of(ReportKind kind) const {
  static const Json kNone;
  const Json* chosen = nullptr;
  for (const ReportSource& source : sources) {
    if (source.kind == kind &&
        (chosen == nullptr || (!has_histogram(*chosen) && has_histogram(source.json)))) {
      chosen = &source.json;
    }
  }
  return chosen == nullptr ? kNone : *chosen;
}

ReportDocuments read_report_documents(const std::vector<std::filesystem::path>& paths) {
  if (paths.empty()) {
    throw Error(ErrorCode::kUsage, "a report needs at least one JSON document");
  }
  ReportDocuments documents;
  for (const std::filesystem::path& path : paths) {
    Json json = parse_file(path);
    const SchemaRow& row = schema_row(path, json);
    documents.sources.push_back({path, std::string(row.schema), row.kind, std::move(json)});
  }
  std::ranges::stable_sort(documents.sources, [](const ReportSource& a, const ReportSource& b) {
    return std::tie(a.kind, a.schema, a.path) < std::tie(b.kind, b.schema, b.path);
  });
  check_single(documents.sources);
  check_agreement(documents.sources);
  std::vector<Json*> all;
  for (ReportSource& source : documents.sources) {
    all.push_back(&source.json);
  }
  hide_local_folders(all);
  return documents;
}

}  // namespace ptq
