#include "report/ci_report.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "ptq/error.h"
#include "report/json_fields.h"

namespace ptq {
namespace {

constexpr size_t kMostNotes = 1000;
constexpr size_t kMostFigures = 60;

// Where documents keep rows with severity, code and message.
constexpr std::array<std::string_view, 3> kFindings = {"findings", "gaps",
                                                       "calibration_set.findings"};

int rank_of(std::string_view severity) {
  return severity == "error" ? 0 : severity == "warning" ? 1 : 2;
}

CiCheck::State state_of(const Json& gate) {
  const std::string_view outcome = text_of(gate, "outcome");
  const Json& passed = member_of(gate, "passed");
  if (outcome == "inconclusive" || outcome == "warn") {
    return CiCheck::State::kInconclusive;
  }
  return passed.is_boolean() && passed.get<bool>() ? CiCheck::State::kPassed
                                                   : CiCheck::State::kFailed;
}

std::string gate_text(const Json& gate) {
  const std::string_view text = text_of(gate, "text");
  if (!text.empty()) {
    return std::string(text);
  }
  const auto measured = number_of(gate, "measured");
  const auto limit = number_of(gate, "limit");
  return fmt::format("{} {}, limit {}", text_of(gate, "name"),
                     measured ? fmt::format("{:.6g}", *measured) : "-",
                     limit ? fmt::format("{:.6g}", *limit) : "-");
}

void add_checks(const Json& document, CiReport& report) {
  for (const Json& gate : rows_of(document, "gates")) {
    std::string name(text_of(gate, "name"));
    const std::string_view output = text_of(gate, "output");
    name += output.empty() ? "" : " " + std::string(output);
    report.checks.push_back({std::move(name), state_of(gate), gate_text(gate)});
  }
  const bool failed = std::ranges::any_of(
      report.checks, [](const CiCheck& check) { return check.state != CiCheck::State::kPassed; });
  if (report.checks.empty() || (!report.passed && !failed)) {
    CiCheck check{.name = report.verb};
    if (!report.passed) {
      check.state = CiCheck::State::kFailed;
      check.text = fmt::format("ptq {} failed", report.verb);
      if (!report.notes.empty()) {
        const CiNote& note = report.notes.front();
        check.text += fmt::format(": {}{}{}", note.code, note.code.empty() ? "" : " ", note.text);
      }
    }
    report.checks.push_back(std::move(check));
  }
}

void add_notes(const Json& document, CiReport& report) {
  for (const std::string_view path : kFindings) {
    for (const Json& finding : rows_of(document, path)) {
      std::string_view where = text_of(finding, "layer");
      where = where.empty() ? text_of(finding, "tensor") : where;
      if (report.notes.size() < kMostNotes) {
        report.notes.push_back(
            {std::string(text_of(finding, "severity")), std::string(text_of(finding, "code")),
             fmt::format("{}{}{}", where, where.empty() ? "" : ": ", text_of(finding, "message"))});
      }
    }
  }
  for (const Json& warning : rows_of(document, "warnings")) {
    if (warning.is_string() && report.notes.size() < kMostNotes) {
      report.notes.push_back({"warning", "", warning.get<std::string>()});
    }
  }
  std::ranges::stable_sort(report.notes, {}, [](const CiNote& n) { return rank_of(n.severity); });
}

// Numbers and texts of the summary; a level below with its name in front.
void add_figures(const Json& summary, const std::string& prefix, CiReport& report) {
  if (!summary.is_object()) {
    return;
  }
  for (const auto& [key, value] : summary.items()) {
    if (report.figures.size() == kMostFigures) {
      return;
    }
    if (value.is_object() && prefix.empty()) {
      add_figures(value, key + ".", report);
    } else if (value.is_string()) {
      report.figures.push_back({prefix + key, value.get<std::string>()});
    } else if (value.is_number_float()) {
      report.figures.push_back({prefix + key, fmt::format("{:.6g}", value.get<double>())});
    } else if (value.is_number() || value.is_boolean()) {
      report.figures.push_back({prefix + key, value.dump()});
    }
  }
}

std::string file_name(std::string_view path) {
  return std::filesystem::path(path).filename().string();
}

// The file that was judged: of two models the second.
std::string subject_of(const Json& document, std::string_view verb) {
  const Json& inputs = rows_of(document, "inputs");
  const bool second = (verb == "validate" || verb == "bench") && inputs.size() > 1;
  return inputs.empty() ? std::string() : file_name(text_of(inputs[second ? 1 : 0], "path"));
}

}  // namespace

CiReport ci_report(const std::string& text) {
  const Json document = Json::parse(text, nullptr, false);
  PTQ_CHECK(document.is_object());
  CiReport report;
  const std::string_view schema = text_of(document, "schema");  // "ptq.VERB/1"
  if (schema == "ptq.error/1") {
    report.verb = text_of(document, "verb");
    report.passed = false;
    report.checks.push_back(
        {report.verb, CiCheck::State::kError, std::string(text_of(document, "message"))});
    return report;
  }
  const size_t dot = schema.find('.');
  report.verb = schema.substr(dot + 1, schema.find('/') - dot - 1);
  report.subject = subject_of(document, report.verb);
  report.passed = text_of(document, "status") == "pass";
  add_notes(document, report);
  add_checks(document, report);
  add_figures(member_of(document, "summary"), "", report);
  return report;
}

}  // namespace ptq
