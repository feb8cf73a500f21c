// The first section: passed or not, key figures, gates, warnings.

#include <fmt/format.h>

#include "report/html_sections.h"
#include "report/html_text.h"

namespace ptq {
namespace {

constexpr size_t kShownLines = 30;

std::string_view state_class(ReportState state) {
  switch (state) {
    case ReportState::kPass:
      return "pass";
    case ReportState::kFail:
      return "fail";
    case ReportState::kMeasured:
      break;
  }
  return "measured";
}

std::string tiles(const std::vector<KeyFigure>& figures) {
  if (figures.empty()) {
    return {};
  }
  std::string out = "<dl class=\"tiles\">\n";
  for (const KeyFigure& figure : figures) {
    out +=
        fmt::format("<div class=\"tile\"><dt>{}</dt><dd>{}</dd><dd class=\"more\">{}</dd></div>\n",
                    html_text(figure.title), html_text(figure.value), html_path(figure.detail));
  }
  return out + "</dl>\n";
}

std::string more_lines(size_t lines) {
  return lines > kShownLines ? fmt::format("<li class=\"say\">and {} more in the documents</li>\n",
                                           lines - kShownLines)
                             : std::string();
}

}  // namespace

HtmlSection verdict_section(const ReportVerdict& verdict) {
  std::string body = fmt::format(
      "<p class=\"state {0}\"><span class=\"badge\">{1}</span> {2}</p>\n",
      state_class(verdict.state), state_name(verdict.state), html_text(verdict.headline));
  for (const std::string& line : verdict.advice) {
    body += fmt::format("<p>{}</p>\n", html_text(line));
  }
  if (!verdict.command.empty()) {
    body +=
        fmt::format("<p class=\"next\">Next: <code>{}</code></p>\n", html_text(verdict.command));
  }
  body += tiles(verdict.figures);
  if (!verdict.gates.empty()) {
    body += "<h3>Gates</h3>\n<ul class=\"gates\">\n";
    for (size_t i = 0; i < std::min(verdict.gates.size(), kShownLines); ++i) {
      const GateLine& gate = verdict.gates[i];
      body += fmt::format("<li class=\"{}\">{}{}</li>\n",
                          !gate.passed     ? "no"
                          : gate.undecided ? "maybe"
                                           : "yes",
                          gate.undecided ? "undecided: "
                          : gate.passed  ? ""
                                         : "missed: ",
                          html_text(gate.text));
    }
    body += more_lines(verdict.gates.size()) + "</ul>\n";
  }
  if (!verdict.warnings.empty()) {
    body += "<h3>Warnings</h3>\n<ul class=\"gates\">\n";
    for (size_t i = 0; i < std::min(verdict.warnings.size(), kShownLines); ++i) {
      body += fmt::format("<li class=\"say\">{}</li>\n", html_text(verdict.warnings[i]));
    }
    body += more_lines(verdict.warnings.size()) + "</ul>\n";
  }
  return {.id = "verdict", .title = "Verdict", .body = std::move(body)};
}

}  // namespace ptq
