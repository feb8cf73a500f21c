// The result of one verb in Markdown, for the summary of a job.

#include <algorithm>

#include <fmt/format.h>

#include "report/ci_report.h"
#include "report/escape.h"

namespace ptq {
namespace {

constexpr size_t kMostBytes = size_t{64} << 10;
constexpr size_t kShownNotes = 50;

std::string_view sign_of(CiCheck::State state) {
  switch (state) {
    case CiCheck::State::kPassed:
      return "✅";
    case CiCheck::State::kInconclusive:
      return "❔";
    default:
      return "❌";
  }
}

}  // namespace

std::string ci_markdown(const CiReport& report) {
  std::string out = fmt::format("## {} ptq {}{}{}\n", report.passed ? "✅ PASS" : "❌ FAIL",
                                markdown_text(report.verb), report.subject.empty() ? "" : ": ",
                                markdown_text(report.subject, 120));
  out += "\n| | gate | |\n|---|---|---|\n";
  for (const CiCheck& check : report.checks) {
    out += fmt::format("| {} | {} | {} |\n", sign_of(check.state), markdown_text(check.name, 120),
                       markdown_text(check.text));
  }
  if (!report.figures.empty()) {
    out += "\n<details><summary>Figures</summary>\n\n| figure | value |\n|---|--:|\n";
    for (const CiReport::Figure& figure : report.figures) {
      out += fmt::format("| {} | {} |\n", markdown_text(figure.name, 120),
                         markdown_text(figure.value, 120));
    }
    out += "\n</details>\n";
  }
  if (!report.notes.empty()) {
    out += "\n### Findings and warnings\n\n";
    for (size_t i = 0; i < std::min(report.notes.size(), kShownNotes); ++i) {
      const CiNote& note = report.notes[i];
      out +=
          fmt::format("- {}{}{}: {}\n", markdown_text(note.severity), note.code.empty() ? "" : " ",
                      markdown_text(note.code), markdown_text(note.text));
    }
    if (report.notes.size() > kShownNotes) {
      out += fmt::format("- … and {} more\n", report.notes.size() - kShownNotes);
    }
  }
  if (out.size() > kMostBytes) {
    out.resize(out.rfind('\n', kMostBytes - 1) + 1);
  }
  return out;
}

}  // namespace ptq
