#include "report/report_verdict.h"

#include <algorithm>

#include <fmt/format.h>

#include "report/html_text.h"
#include "report/json_fields.h"
#include "report/table.h"

namespace ptq {
namespace {

std::string file_name(std::string_view path) {
  return std::filesystem::path(path).filename().string();
}

std::string model_name(const ReportDocuments& documents) {
  for (const ReportSource& source : documents.sources) {
    const Json& inputs = rows_of(source.json, "inputs");
    if (inputs.empty() || source.schema == "ptq.stats/1" || source.schema == "ptq.merge/1" ||
        source.kind == ReportKind::kCoverage) {
      continue;
    }
    const std::string name = file_name(text_of(inputs[0], "path"));
    if (!name.empty()) {
      return name;
    }
  }
  return {};
}

void add_size(const Json& quantize, std::vector<KeyFigure>& figures) {
  const auto before = count_of(quantize, "summary.original_bytes");
  const auto after = count_of(quantize, "summary.quantized_bytes");
  if (before && after && *after > 0) {
    const double ratio = static_cast<double>(*before) / static_cast<double>(*after);
    figures.push_back({"file size", fixed_figure(ratio, 2) + "× smaller",
                       size_text(*before) + " → " + size_text(*after)});
  }
}

void add_speed(const Json& bench, std::vector<KeyFigure>& figures) {
  const auto speedup = finite_of(bench, "summary.speedup.median");
  const auto fp32 = finite_of(bench, "summary.fp32_ms.median");
  const auto quantized = finite_of(bench, "summary.quantized_ms.median");
  if (!speedup || *speedup <= 0.0) {
    return;
  }
  KeyFigure figure{.title = "latency",
                   .value = *speedup >= 1.0 ? fixed_figure(*speedup, 2) + "× faster"
                                            : fixed_figure(1.0 / *speedup, 2) + "× slower"};
  if (fp32 && quantized) {
    figure.detail = milliseconds_figure(*fp32) + " → " + milliseconds_figure(*quantized);
  }
  figures.push_back(std::move(figure));
}

void add_metric(const Json& validate, std::vector<KeyFigure>& figures) {
  for (const Json& metric : rows_of(validate, "task.metrics")) {
    const auto fp32 = finite_of(metric, "fp32");
    const auto quantized = finite_of(metric, "quantized");
    const Json& judged = member_of(metric, "judged");
    if (!fp32 || !quantized || !judged.is_boolean() || !judged.get<bool>()) {
      continue;
    }
    const bool percent = text_of(metric, "unit") == "%";
    const auto shown = [&](double value) {
      return percent ? fixed_figure(value, 2) + " %" : fixed_figure(value, 4);
    };
    figures.push_back(
        {std::string(text_of(metric, "title")), shown(*quantized),
         fmt::format("FP32 {}, {}{}{}", shown(*fp32), *quantized >= *fp32 ? "+" : "",
                     fixed_figure(*quantized - *fp32, percent ? 2 : 4), percent ? " points" : "")});
  }
}

void add_accuracy(const Json& validate, std::vector<KeyFigure>& figures) {
  add_metric(validate, figures);
  if (const auto agreement = finite_of(validate, "summary.agreement_percent")) {
    figures.push_back({"agreement with FP32", percent_figure(*agreement), "same top-1 class"});
  }
  std::optional<double> lowest;
  std::string name;
  for (const Json& output : rows_of(validate, "outputs")) {
    const auto sqnr = number_of(output, "sqnr_db");
    if (sqnr && (!lowest || *sqnr < *lowest)) {
      lowest = sqnr;
      name = text_of(output, "name");
    }
  }
  if (lowest) {
    figures.push_back({"output SQNR", decibel_figure(*lowest),
                       rows_of(validate, "outputs").size() > 1 ? "lowest, " + name : name});
  }
}

void add_integers(const Json& quantize, std::vector<KeyFigure>& figures) {
  const auto percent = finite_of(quantize, "summary.macs.integer_percent");
  const auto nodes = count_of(quantize, "summary.nodes");
  const auto integer = count_of(quantize, "summary.nodes_integer");
  if (percent) {
    figures.push_back({"work in integers", percent_figure(*percent), "of multiply-accumulates"});
  } else if (nodes && integer) {
    figures.push_back(
        {"nodes in integers", count_figure(*integer), fmt::format("of {}", count_figure(*nodes))});
  }
}

void add_tensors(const Json& diagnose, std::vector<KeyFigure>& figures) {
  const Json& rows = rows_of(diagnose, "tensors");
  if (rows.empty()) {
    return;
  }
  const auto hard = std::ranges::count_if(
      rows, [](const Json& row) { return text_of(row, "severity") == "hard"; });
  figures.push_back({"hard tensors", count_figure(static_cast<uint64_t>(hard)),
                     fmt::format("of {} activations", count_figure(rows.size()))});
}

std::string gate_text(const Json& gate) {
  const std::string_view text = text_of(gate, "text");
  if (!text.empty()) {
    return std::string(text);
  }
  const std::string_view tensor = text_of(gate, "tensor");
  return fmt::format(
      "{} {}, limit {}{}{}", text_of(gate, "name"), optional_figure(number_of(gate, "measured"), 4),
      optional_figure(number_of(gate, "limit"), 4), tensor.empty() ? "" : ", worst ", tensor);
}

void add_gates(const ReportDocuments& documents, ReportVerdict& verdict) {
  for (const ReportSource& source : documents.sources) {
    if (source.kind == ReportKind::kError) {
      verdict.gates.push_back(
          {fmt::format("ptq {} ended in an error: {}", text_of(source.json, "verb"),
                       text_of(source.json, "message")),
           false});
      continue;
    }
    size_t missed = 0;
    for (const Json& gate : rows_of(source.json, "gates")) {
      const Json& passed = member_of(gate, "passed");
      const bool ok = passed.is_boolean() && passed.get<bool>();
      const std::string_view outcome = text_of(gate, "outcome");
      verdict.gates.push_back(
          {gate_text(gate), ok, outcome == "inconclusive" || outcome == "warn"});
      missed += ok ? 0U : 1U;
    }
    const std::string_view status = text_of(source.json, "status");
    if (missed == 0 && !status.empty() && status != "pass") {
      verdict.gates.push_back({fmt::format("{} has status '{}'", source.schema, status), false});
    }
  }
}

void add_warnings(const ReportDocuments& documents, ReportVerdict& verdict) {
  for (const ReportSource& source : documents.sources) {
    for (const Json& warning : rows_of(source.json, "warnings")) {
      if (warning.is_string() &&
          std::ranges::find(verdict.warnings, warning.get_ref<const std::string&>()) ==
              verdict.warnings.end() &&
          verdict.warnings.size() < 100) {
        verdict.warnings.push_back(warning.get<std::string>());
      }
    }
  }
}

// What `ptq diagnose` answers, as one line, and the command that it advises.
void add_advice(const Json& diagnose, ReportVerdict& verdict) {
  const std::string_view sentence = text_of(diagnose, "verdict.sentence");
  if (!sentence.empty()) {
    const std::string_view answer = text_of(diagnose, "verdict.answer");
    verdict.advice.push_back(
        fmt::format("Diagnosis{}{}: {}", answer.empty() ? "" : ", ", answer, sentence));
  }
  verdict.command = text_of(diagnose, "verdict.command");
}

std::string headline_of(const ReportVerdict& verdict) {
  const auto missed = std::ranges::count(verdict.gates, false, &GateLine::passed);
  const auto undecided = std::ranges::count(verdict.gates, true, &GateLine::undecided);
  switch (verdict.state) {
    case ReportState::kPass:
      return (verdict.gates.size() == 1
                  ? std::string("The gate is passed.")
                  : fmt::format("All {} gates are passed.", verdict.gates.size())) +
             (undecided == 0 ? std::string() : fmt::format(" {} could not be decided.", undecided));
    case ReportState::kFail:
      return missed == 1 ? "One check failed." : fmt::format("{} checks failed.", missed);
    case ReportState::kMeasured:
      break;
  }
  return "No gate was set; these are the figures.";
}

}  // namespace

std::string_view state_name(ReportState state) {
  switch (state) {
    case ReportState::kPass:
      return "PASS";
    case ReportState::kFail:
      return "FAIL";
    case ReportState::kMeasured:
      break;
  }
  return "MEASURED";
}

ReportVerdict report_verdict(const ReportDocuments& documents) {
  ReportVerdict verdict{.model = model_name(documents)};
  add_gates(documents, verdict);
  add_warnings(documents, verdict);
  verdict.state = verdict.gates.empty()                                   ? ReportState::kMeasured
                  : std::ranges::all_of(verdict.gates, &GateLine::passed) ? ReportState::kPass
                                                                          : ReportState::kFail;
  verdict.headline = headline_of(verdict);
  add_advice(documents.of(ReportKind::kDiagnose), verdict);
  add_accuracy(documents.of(ReportKind::kValidate), verdict.figures);
  add_size(documents.of(ReportKind::kQuantize), verdict.figures);
  add_speed(documents.of(ReportKind::kBench), verdict.figures);
  add_integers(documents.of(ReportKind::kQuantize), verdict.figures);
  add_tensors(documents.of(ReportKind::kDiagnose), verdict.figures);
  return verdict;
}

}  // namespace ptq
