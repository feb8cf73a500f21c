#include "report/model_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "report/html_sections.h"
#include "report/html_style.h"
#include "report/html_text.h"
#include "report/markdown_report.h"
#include "report/report_documents.h"
#include "report/report_verdict.h"

namespace ptq {
namespace {

// No script, no picture, no font and no address: nothing that a browser would fetch.
constexpr std::string_view kHead = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
)html";

std::vector<HtmlSection> all_sections(const ReportDocuments& documents,
                                      const ReportVerdict& verdict, size_t top) {
  return {verdict_section(verdict),          size_and_speed_section(documents, top),
          accuracy_section(documents, top),  noise_section(documents),
          finding_section(documents, top),   outlier_section(documents, top),
          histogram_section(documents, top), bit_width_section(documents, top),
          weight_section(documents, top),    sample_section(documents, top),
          strata_section(documents, top),    coverage_section(documents, top),
          integer_section(documents, top),   decision_section(documents, top),
          source_section(documents)};
}

std::string contents(const std::vector<HtmlSection>& sections) {
  std::string out = "<nav aria-label=\"Contents\"><ol>\n";
  for (const HtmlSection& section : sections) {
    out += fmt::format("<li{}><a href=\"#{}\">{}</a></li>\n",
                       section.body.empty() ? " class=\"none\"" : "", section.id, section.title);
  }
  return out + "</ol></nav>\n";
}

std::string section_html(const HtmlSection& section, std::string_view extra) {
  const std::string body =
      section.body.empty()
          ? fmt::format(
                "<p class=\"absent\">Not in these documents. It comes from <code>{}</code>."
                "</p>\n",
                html_text(section.source))
          : section.body;
  return fmt::format(
      "<section id=\"{0}\"{1} aria-labelledby=\"{0}-title\">\n"
      "<h2 id=\"{0}-title\">{2}</h2>\n{3}</section>\n",
      section.id, extra, section.title, body);
}

std::string page(const std::vector<HtmlSection>& sections, const ReportVerdict& verdict,
                 const std::string& version) {
  const std::string name = verdict.model.empty() ? "Quantization report" : html_name(verdict.model);
  std::string out(kHead);
  out += fmt::format(
      "<title>{} – {}</title>\n<style>{}</style>\n</head>\n<body>\n<div class=\"wrap\">\n", name,
      state_name(verdict.state), html_style());
  out += fmt::format(
      "<header class=\"top\"><p class=\"kicker\">Quantization report</p>\n<h1>{}</h1>"
      "</header>\n<div class=\"cols\">\n{}<main>\n",
      name, contents(sections));
  for (const HtmlSection& section : sections) {
    const bool first = &section == &sections.front();
    out += section_html(section,
                        first ? verdict.state == ReportState::kPass   ? " class=\"verdict pass\""
                                : verdict.state == ReportState::kFail ? " class=\"verdict fail\""
                                                                      : " class=\"verdict\""
                              : "");
  }
  return out + fmt::format(
                   "</main>\n</div>\n<footer><p>Made by ptq {} from the documents above. "
                   "Needs no network and no script.</p></footer>\n</div>\n</body>\n</html>\n",
                   html_text(version));
}

}  // namespace

size_t shown_rows(size_t rows, size_t top) {
  return top == 0 ? rows : std::min(rows, top);
}

std::string more_rows(size_t rows, size_t top) {
  const size_t shown = shown_rows(rows, top);
  return shown == rows ? std::string()
                       : html_note(fmt::format("… and {} more (ptq report --top shows more).",
                                               count_figure(rows - shown)));
}

ModelReport model_report(const std::vector<std::filesystem::path>& documents,
                         const std::string& version, size_t top) {
  const ReportDocuments read = read_report_documents(documents);
  const ReportVerdict verdict = report_verdict(read);
  return {.html = page(all_sections(read, verdict, top), verdict, version),
          .markdown = markdown_report(read, verdict, version),
          .state = std::string(state_name(verdict.state)),
          .model = verdict.model,
          .documents = read.sources.size()};
}

std::string report_json(const ReportHeader& header, const ModelReport& report) {
  Json document = start_document(header);
  document["summary"] = {{"model", report.model},
                         {"state", report.state},
                         {"documents", report.documents},
                         {"html_bytes", report.html.size()},
                         {"markdown_bytes", report.markdown.size()}};
  return dump(document);
}

}  // namespace ptq
